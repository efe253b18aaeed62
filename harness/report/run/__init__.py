"""A run's report: one self-contained page, and the same figures as JSON."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.requests import split
from harness.load.runs import Run, read_run
from harness.report.run import figures, page

__all__ = ["Headline", "build_report", "summary"]


@dataclass(frozen=True)
class Headline:
    """The three figures that matter, as one line: requests and errors, latency, throughput.

    latency_of: the Lambda's requests where any succeeded, else the endpoint's, else others'; None where nothing did, as
    p50 and p95 then are, or where too few succeeded for an interval. Seconds; answers without an error a second.
    valid: whether the figures are the server's and not partly the generator's own.
    """

    requests: int
    errors: int
    error_share: float | None
    latency_of: str | None
    p50: float | None
    p95: float | None
    answers_per_second: float | None
    valid: bool = True

    def __str__(self) -> str:
        if not self.requests:
            return "no request was answered"
        failed = (
            f"{text.count(self.errors, 'error')} ({text.percent(self.error_share)})" if self.errors else "no errors"
        )
        first = f"{text.count(self.requests, 'request')}, {failed}"
        if self.latency_of is None:
            return f"{first}; no latency, as none succeeded; 0/s"
        return (
            f"{first}; {self.latency_of} {_named('p50', self.p50)}, {_named('p95', self.p95)}; "
            f"{text.rate(self.answers_per_second)}"
        ) + ("" if self.valid else "; INVALID, as the report explains")


def _named(label: str, value: float | None) -> str:
    return f"{label} not established" if value is None else f"{label} {text.seconds(value)}"


def build_report(run: Path, out: Path | None = None) -> Path:
    """Write report.html and report.json of the run in a folder, and return the former's path.

    out: the folder to write them to; the run's own when not given.
    Raises HarnessError when the folder is no run, or the files cannot be written.
    """
    recorded = read_run(run)
    measured = figures.compute(recorded)
    html = page.render(recorded.manifest, measured, split(recorded))
    folder = out or run
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / "report.json", json.dumps(_as_json(recorded, measured), indent=2) + "\n")
        _write(folder / "report.html", html)
    except OSError as error:
        raise HarnessError(
            f"The report cannot be written in {folder} ({error.strerror}): name another folder."
        ) from error
    return folder / "report.html"


def _write(file: Path, text: str) -> None:
    """In one step, so that a page is there whole or not at all, whatever interrupts it."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)


def summary(run: Path) -> Headline:
    """The three figures that matter, of the run in a folder; HarnessError when it is no run."""
    measured = figures.compute(read_run(run))
    good = [each for each in measured.names if each.latency.count]
    chosen = good[0] if good else None
    return Headline(
        requests=measured.requests,
        errors=measured.errors,
        error_share=measured.error_share.value,
        latency_of=chosen.name if chosen else None,
        p50=_established(chosen, "p50"),
        p95=_established(chosen, "p95"),
        answers_per_second=measured.answers_per_second,
        valid=measured.validity.valid,
    )


def _established(each: figures.NameFigures | None, label: str) -> float | None:
    estimate = each.latency.percentiles[label] if each else None
    return estimate.value if estimate and estimate.established else None


def _as_json(run: Run, measured: figures.Figures) -> dict[str, Any]:
    return {
        "run": asdict(run.manifest),
        "warnings": page.warnings(run.manifest, measured),
        "confidence": 0.95,
        "figures": asdict(measured),
    }
