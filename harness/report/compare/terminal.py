"""A comparison on the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from harness.core import figures as text
from harness.report.compare.figures import Comparison
from harness.report.compare.words import verdict


def shifts_table(comparison: Comparison) -> Table:
    """The shift of each percentile as a table, with 95 % intervals in brackets."""
    table = Table("name", "percentile", "before", "after", "shift", "its 95 % interval", "", box=SIMPLE_HEAD)
    for shift in comparison.shifts:
        table.add_row(
            shift.name, shift.label, text.percentile(shift.before), text.percentile(shift.after),
            text.signed_seconds(shift.difference.value), text.signed_range(shift.difference), verdict(shift.difference),
        )  # fmt: skip
    return table
