"""``harness rehearse``: takes a stack from nothing to a report."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from harness.cli import parameters
from harness.core import interrupts
from harness.core.progress import Steps
from harness.stack.file import load_stack


@click.command()
@parameters.stack_file
@click.option("--users", default=2, show_default=True, help="Concurrent callers.", type=click.IntRange(1, 1000))
@click.option(
    "--seconds",
    default=30,
    show_default=True,
    help="How long each scenario of the stack loads it.",
    type=click.IntRange(5, 3600),
)
@click.option(
    "--runs",
    "runs_folder",
    default=Path("runs"),
    show_default=True,
    type=parameters.FOLDER,
    help="Folder to record the run in.",
)
def rehearse(stack_file: Path, users: int, seconds: int, runs_folder: Path) -> None:
    """Rehearse a stack from end to end.

    Brings a local AWS up on a free port, deploys the stack, invokes its function, loads it, writes a report, and takes
    the local AWS down again.
    """
    from harness.cli.rehearsal import Rehearsal

    stack = load_stack(stack_file)
    console = Console(stderr=True, highlight=False)
    rehearsal = Rehearsal(stack, stack_file, Steps(console), users=users, seconds=seconds, runs=runs_folder)
    try:
        result = rehearsal.run()
    except interrupts.Interrupted as interrupted:
        run = rehearsal.recorded
        recorded = f"for what was recorded: harness report {run}" if run is not None else "nothing was recorded"
        interrupted.sentence = f"Interrupted, and nothing is left running; {recorded}."
        raise
    click.echo(str(result))
