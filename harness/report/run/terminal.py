"""A recorded run on the terminal: one line of figures, and the list of a store's runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.runs import list_runs, read_run
from harness.report.run.figures import NameFigures, RunFigures, compute


@dataclass(frozen=True)
class Headline:
    """A run's main figures, which ``str`` puts into one line: requests and errors, latency, throughput.

    latency_of: the request name that p50 and p95 are of: a Lambda's where one succeeded, else an endpoint's, else any
        other; None where nothing succeeded.
    p50, p95: seconds; None where nothing succeeded, or too few did for an interval.
    answers_per_second: answers without an error.
    valid: False where the load generator was the bottleneck, so that the figures are partly its own.
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
        counts = f"{text.count(self.requests, 'request')}, {failed}"
        if self.latency_of is None:
            return f"{counts}; no latency, because no request succeeded; 0/s"
        latency = f"{self.latency_of} {_percentile('p50', self.p50)}, {_percentile('p95', self.p95)}"
        invalid = "" if self.valid else "; INVALID, as the report explains"
        return f"{counts}; {latency}; {text.rate(self.answers_per_second)}{invalid}"


def summary(folder: Path) -> Headline:
    """Read the run in a folder and return its headline; HarnessError when the folder holds no run."""
    figures = compute(read_run(folder))
    main = main_name(figures)
    return Headline(
        requests=figures.requests,
        errors=figures.errors,
        error_share=figures.error_share.value,
        latency_of=main.name if main else None,
        p50=_established(main, "p50"),
        p95=_established(main, "p95"),
        answers_per_second=figures.answers_per_second,
        valid=figures.validity.valid,
    )


def main_name(figures: RunFigures) -> NameFigures | None:
    """The request name whose latency stands for the run; None where nothing succeeded."""
    return next((name for name in figures.names if name.latency.count), None)


def runs_table(store: Path) -> Table:
    """The runs of a store as a table, oldest first, with the latency of each run's main request name.

    A percentile has its 95 % interval in brackets.
    """
    table = Table("run", "lasted", "requests", "errors", "of", "p50", "p95", "p99", "state", box=SIMPLE_HEAD)
    for column in table.columns[1:4] + table.columns[5:8]:
        column.justify = "right"
    for folder in list_runs(store):
        table.add_row(folder.name, *_cells(folder))
    return table


def _cells(folder: Path) -> list[str]:
    try:
        run = read_run(folder)
    except HarnessError:
        return [*[text.NO_FIGURE] * 7, "cannot be read"]
    figures = compute(run)
    main = main_name(figures)
    ending = run.manifest.ending or "no end"
    return [
        text.length_of_time(figures.duration),
        text.count(figures.requests),
        text.count(figures.errors),
        main.name if main else text.NO_FIGURE,
        *(
            text.percentile(main.latency.percentiles[label]) if main else text.NO_FIGURE
            for label in ("p50", "p95", "p99")
        ),
        ending if figures.validity.valid else f"{ending}, INVALID",
    ]


def _established(name: NameFigures | None, label: str) -> float | None:
    estimate = name.latency.percentiles[label] if name else None
    return estimate.value if estimate and estimate.established else None


def _percentile(label: str, value: float | None) -> str:
    return f"{label} not established" if value is None else f"{label} {text.seconds(value)}"
