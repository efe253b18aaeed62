"""The sentences of a run's report."""

from __future__ import annotations

from harness.core import figures as text
from harness.load.runs import Manifest
from harness.report.run.figures import NameFigures, RunFigures


def warnings(manifest: Manifest, figures: RunFigures) -> list[str]:
    """What a reader must know before any figure: one sentence each."""
    sentences = []
    if manifest.ended is None:
        sentences.append(
            "This run has no recorded end: it was interrupted or is still running. "
            "The figures cover what had been written by then."
        )
    elif manifest.ending == "stopped" and manifest.options.get("run_time"):
        planned = text.length_of_time(float(manifest.options["run_time"]))
        sentences.append(
            f"This run was stopped after {text.length_of_time(figures.duration)} of the planned {planned}."
        )
    if manifest.unrecorded is not None:
        sentences.append(
            f"Recording broke off before the end of the run ({manifest.unrecorded}): later requests are missing."
        )
    if manifest.cut_short is not None:
        sentences.append(f"The harness ended this run early: {manifest.cut_short}.")
    if figures.missing_workers:
        sentences.append(
            f"The requests of {text.count(figures.missing_workers, 'worker')} are not in this folder, because they ran "
            "on other machines. Only the figures under Merged histograms include them."
        )
    if figures.requests == 0:
        sentences.append("No request was answered, so there is nothing to measure.")
    elif figures.errors == figures.requests:
        sentences.append("No request succeeded, so there are no latencies; the errors are listed below.")
    return sentences


def summary_sentences(figures: RunFigures) -> list[str]:
    """The paragraph at the top of the page, sentence by sentence."""
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
    sentences += [_latency(name) for name in figures.names if name.latency.count]
    if figures.cold_starts:
        init = text.seconds(figures.cold_init.percentiles["p50"].value)
        took = f"half of them with an init of at most {init}" if figures.cold_starts > 1 else f"with an init of {init}"
        sentences.append(f"{text.count(figures.cold_starts, 'cold start')}, {took}.")
    if figures.unfinished:
        sentences.append(_unfinished(figures))
    return sentences


def _latency(name: NameFigures) -> str:
    p50, p95 = name.latency.percentiles["p50"], name.latency.percentiles["p95"]
    answers = text.count(name.latency.count, "answer")
    if not p50.established:
        return f"{name.name}: {answers}, too few for percentiles."
    if not p95.established:
        return f"{name.name}: median {text.percentile(p50)} over {answers}, too few for a 95th percentile."
    return (
        f"{name.name}: half of the answers within {text.percentile(p50)}, 95{text.NARROW}% within "
        f"{text.percentile(p95)}; the 95{text.NARROW}% intervals are in brackets."
    )


def _unfinished(figures: RunFigures) -> str:
    return (
        f"{text.count(figures.unfinished, 'request')} had no answer yet when the run ended, and "
        f"{'is' if figures.unfinished == 1 else 'are'} not counted."
    )
