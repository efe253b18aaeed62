"""Two runs side by side: how much each percentile moved, with its interval, on the terminal and as a page."""

from __future__ import annotations

from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.statistics import Estimate
from harness.report.compare.page import render
from harness.report.compare.shifts import Comparison, compare_runs

__all__ = ["Comparison", "compare_runs", "table", "verdict", "write_page"]


def table(comparison: Comparison) -> Table:
    """The shifts as a table for the terminal."""
    out = Table("name", "percentile", "before", "after", "shift", "95 % interval", "", box=SIMPLE_HEAD)
    for each in comparison.shifts:
        out.add_row(
            each.name, each.label, text.seconds(each.before.value), text.seconds(each.after.value),
            text.signed_seconds(each.shift.value), text.signed_range(each.shift), verdict(each.shift),
        )  # fmt: skip
    return out


def verdict(shift: Estimate) -> str:
    """``slower`` or ``faster`` only where the whole interval is on one side of none."""
    if shift.low is None or shift.high is None:
        return "not established"
    if shift.low > 0:
        return "slower"
    return "faster" if shift.high < 0 else "no difference seen"


def write_page(comparison: Comparison, file: Path) -> Path:
    """Write the comparison as one self-contained page; HarnessError where it cannot be written."""
    try:
        file.write_text(render(comparison, verdict), encoding="utf-8")
    except OSError as error:
        raise HarnessError(
            f"The comparison cannot be written to {file} ({error.strerror}): name another file."
        ) from error
    return file
