"""Prints tables on the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def print_table(table: Table) -> None:
    """Prints a table at its full width. A narrow terminal wraps its lines: a figure that is cut off says nothing."""
    console = Console(highlight=False)
    console.width = max(console.width, Console(width=1000).measure(table).maximum)
    console.print(table)
