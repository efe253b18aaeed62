"""``harness runs``: lists the recorded runs."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import parameters
from harness.cli.tables import print_table
from harness.core.errors import HarnessError


@click.command()
@parameters.runs_folder
def runs(runs_folder: Path) -> None:
    """List the recorded runs, oldest first."""
    from harness.report.run.terminal import runs_table

    table = runs_table(runs_folder)
    if not table.row_count:
        raise HarnessError(f"There are no runs in {runs_folder}: locust -f loadtests records one.")
    print_table(table)
