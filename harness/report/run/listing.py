"""The runs of a store, a line each."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.load.runs import list_runs, read_run
from harness.report.run import figures


def runs_table(runs: Path) -> Table:
    """Oldest first. Percentiles are of the first name that succeeded, as in a report's headline."""
    out = Table("run", "lasted", "requests", "errors", "of", "p50", "p95", "p99", "state", box=SIMPLE_HEAD)
    for column in out.columns[1:4] + out.columns[5:8]:
        column.justify = "right"
    for folder in list_runs(runs):
        try:
            run = read_run(folder)
        except HarnessError:
            out.add_row(folder.name, *[text.NO_FIGURE] * 7, "cannot be read")
            continue
        measured = figures.compute(run)
        first = next((each for each in measured.names if each.latency.count), None)
        estimates = [first.latency.percentiles[label] for label in ("p50", "p95", "p99")] if first else []
        shown = [text.seconds(each.value) if each.established else text.NO_FIGURE for each in estimates]
        ending = run.manifest.ending or "no end"
        out.add_row(
            folder.name,
            text.length_of_time(measured.duration),
            text.count(measured.requests),
            text.count(measured.errors),
            first.name if first else text.NO_FIGURE,
            *(shown or [text.NO_FIGURE] * 3),
            ending if measured.validity.valid else f"{ending}, INVALID",
        )
    return out
