"""``harness doctor``: says what this machine lacks."""

from __future__ import annotations

import click
from rich.console import Console
from rich.markup import escape

from harness.cli import parameters
from harness.cli.machine_checks import check_machine

_MARKS = {"ok": "[green]ok[/]     ", "note": "[yellow]note[/]   ", "problem": "[red]problem[/]"}


@click.command()
@parameters.port
def doctor(port: int) -> None:
    """Say what this machine lacks, and what to do."""
    console = Console(highlight=False)
    problems = 0
    for result in check_machine(port):
        problems += result.level == "problem"
        advice = f"\n        {result.advice}" if result.advice else ""
        console.print(f"{_MARKS[result.level]} {result.subject}: {escape(result.state + advice)}", soft_wrap=True)
    if problems:
        raise SystemExit(1)
