"""``harness compare``: compares two recorded runs."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import parameters
from harness.cli.tables import print_table


@click.command()
@click.argument("before")
@click.argument("after")
@parameters.runs_folder
@click.option("--out", type=parameters.FILE, help="Page to write; by default compare.html in the later run's folder.")
def compare(before: str, after: str, runs_folder: Path, out: Path | None) -> None:
    """Compare two runs.

    Says how far each percentile of the latency has shifted, with a confidence interval. A run is given by its folder,
    by its id, or by the first characters of its id.
    """
    from harness.load.runs import find_run, read_run
    from harness.report.compare import compare_runs, shifts_table, write_page

    folders = find_run(before, runs_folder), find_run(after, runs_folder)
    comparison = compare_runs(*(read_run(folder) for folder in folders))
    for warning in comparison.warnings:
        click.echo(warning, err=True)
    print_table(shifts_table(comparison))
    click.echo(f"Page: {write_page(comparison, out or folders[1] / 'compare.html')}")
