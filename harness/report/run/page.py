"""Puts a run's figures and plots into one page that needs nothing else."""

from __future__ import annotations

from typing import Any

from harness.core import figures as text
from harness.load.requests import Requests
from harness.load.runs import Manifest
from harness.load.validity import Validity
from harness.report import templating
from harness.report.run import plots
from harness.report.run.figures import Figures, NameFigures

_LABELS = {"spawn_rate": "spawn rate (users/s)", "run_time": "run time (s)"}


def render(manifest: Manifest, figures: Figures, parts: list[Requests]) -> str:
    """The page as HTML. parts: the finished requests by name, as ``figures.split`` gives them."""
    drawn = [part for part in parts if len(part.start)]
    good = [part for part in drawn if part.ok.any()]
    return templating.render(
        "report.html.j2",
        "harness.report.run",
        manifest=manifest,
        figures=figures,
        invalid=figures.validity.reasons,
        warnings=warnings(manifest, figures),
        generator=generator_rows(figures.validity),
        summary=summary_sentences(figures),
        settings=list(flattened(manifest.stack)) if manifest.stack else [],
        options=[(_LABELS.get(key, key.replace("_", " ")), _value(value)) for key, value in manifest.options.items()],
        latency_plot=plots.latency_over_time(drawn, figures.duration) if good else None,
        throughput_plot=plots.throughput(drawn, figures.duration) if drawn else None,
        distribution_plot=plots.distribution(good) if good else None,
    )


def warnings(manifest: Manifest, figures: Figures) -> list[str]:
    """What a reader must know before any figure: one sentence each."""
    out = []
    if manifest.ended is None:
        out.append(
            "This run has no recorded end: it was interrupted, or is still under way. "
            "The figures are of what had been written until then."
        )
    elif manifest.ending == "stopped" and manifest.options.get("run_time"):
        planned = text.length_of_time(float(manifest.options["run_time"]))
        out.append(f"This run was stopped after {text.length_of_time(figures.duration)} of the planned {planned}.")
    if manifest.unrecorded is not None:
        out.append(
            f"Recording broke off before the end of the run ({manifest.unrecorded}): later requests are missing."
        )
    if manifest.cut_short is not None:
        out.append(f"The harness ended this run before its time: {manifest.cut_short}.")
    if figures.missing_workers:
        out.append(
            f"The requests of {text.count(figures.missing_workers, 'worker')} are not in this folder, because they ran "
            "on other machines: every figure but those under Merged histograms is of the others alone."
        )
    if figures.requests == 0:
        out.append("No request was answered, so that there is nothing to measure.")
    elif figures.errors == figures.requests:
        out.append("No request succeeded, so that there are no latencies; the errors are listed below.")
    return out


def summary_sentences(figures: Figures) -> list[str]:
    """The paragraph at the top, sentence by sentence."""
    if figures.requests == 0:
        return [_unfinished(figures)] if figures.unfinished else []
    sentences = [
        f"{text.count(figures.requests, 'request')} in {text.length_of_time(figures.duration)}: "
        f"{text.rate(figures.answers_per_second)} answered without an error, "
        + (
            f"{text.count(figures.errors)} failed ({text.percent(figures.error_share.value)}, "
            f"95{text.NARROW}% interval {text.percent_range(figures.error_share)})."
            if figures.errors
            else f"none failed (at most {text.percent(figures.error_share.high)} at 95{text.NARROW}% confidence)."
        )
    ]
    sentences += [_latency_sentence(each) for each in figures.names if each.latency.count]
    if figures.cold_starts:
        init = text.seconds(figures.cold_init.percentiles["p50"].value)
        took = f"half of them with at most {init}" if figures.cold_starts > 1 else f"with {init}"
        sentences.append(f"{text.count(figures.cold_starts, 'cold start')}, {took} of init.")
    if figures.unfinished:
        sentences.append(_unfinished(figures))
    return sentences


def generator_rows(validity: Validity) -> list[tuple[str, str]]:
    """What is known of how the generator fared, as rows of a label and its value."""
    rows: list[tuple[str, str]] = []
    if validity.open_loop:
        rows += [
            ("arrivals", text.count(validity.arrivals)),
            ("dropped", _share_of(validity.dropped, validity.arrivals)),
            (f"late by more than 1{text.NARROW}ms", _share_of(validity.late, validity.arrivals)),
            ("lateness", _p50_p99_max(validity.late_p50, validity.late_p99, validity.late_max)),
        ]
    if validity.lag_p50 is not None:
        rows.append(("event loop's lag", _p50_p99_max(validity.lag_p50, validity.lag_p99, validity.lag_max)))
    if validity.cpu_mean is not None:
        cpu = f"{text.number(validity.cpu_mean)} cores, at most {text.number(validity.cpu_max)}"
        rows.append(("CPU of its busiest process", cpu))
    if validity.overhead_p50 is not None and validity.overhead_cpu is not None:
        rows.append(
            (
                "own part of a request",
                f"{text.seconds(validity.overhead_p50)}, {text.seconds(validity.overhead_cpu)} of CPU (null server)",
            )
        )
    if validity.open_loop and validity.outstanding_max is not None:
        rows.append(("under way at once, in a process", f"at most {text.count(validity.outstanding_max)}"))
    return rows


def flattened(settings: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Nested settings as rows of a dotted name and a value."""
    if isinstance(settings, dict) and settings:
        items = [(f"{prefix}.{key}" if prefix else str(key), value) for key, value in settings.items()]
    elif isinstance(settings, list) and any(isinstance(each, dict | list) for each in settings):
        items = [(f"{prefix}[{index}]", value) for index, value in enumerate(settings)]
    elif isinstance(settings, list):
        return [(prefix, ", ".join(map(str, settings)) or "none")]
    else:
        return [(prefix, str(settings))]
    return [row for name, value in items for row in flattened(value, name)]


def _latency_sentence(each: NameFigures) -> str:
    p50, p95 = each.latency.percentiles["p50"], each.latency.percentiles["p95"]
    if not p95.established:
        return (
            f"{each.name}: median {text.seconds(p50.value)} over {text.count(each.latency.count, 'answer')}, "
            f"too few for a 95th percentile."
        )
    return (
        f"{each.name}: half of the answers within {text.seconds(p50.value)}, 95{text.NARROW}% within "
        f"{text.seconds(p95.value)} (95{text.NARROW}% interval {text.interval(p95)})."
    )


def _share_of(part: int, whole: int) -> str:
    return f"{text.count(part)} ({text.percent(part / whole)})" if part else "none"


def _p50_p99_max(p50: float | None, p99: float | None, top: float | None) -> str:
    return f"p50 {text.seconds(p50)}, p99 {text.seconds(p99)}, at most {text.seconds(top)}"


def _value(value: Any) -> str:
    if value in (None, ""):
        return text.NO_FIGURE
    return f"{value:g}" if isinstance(value, float) else str(value)


def _unfinished(figures: Figures) -> str:
    verb = "was" if figures.unfinished == 1 else "were"
    return f"{text.count(figures.unfinished, 'request')} {verb} under way when the run ended, and {verb} not counted."
