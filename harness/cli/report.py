"""``harness report``: writes the report of a run or of a plan."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli import parameters
from harness.core.progress import Steps


@click.command()
@click.argument("folder", metavar="RUN|PLAN", type=click.Path(path_type=Path))
@parameters.runs_folder
def report(folder: Path, runs_folder: Path) -> None:
    """Write the report of a run or of a plan.

    A run is given by its folder, by its id, or by the first characters of its id; a plan by its folder or its
    plan.json. A run gets report.html and report.json. A plan gets report.html, report.md and the files ready to apply.
    """
    if folder.is_file() or folder.suffix == ".json" or (folder / "plan.json").is_file():
        _report_plan(folder)
        return
    from harness.load.runs import find_run
    from harness.report.run import build_report, summary

    folder = find_run(str(folder), runs_folder)
    with Steps().step("Writing the report"):
        page = build_report(folder)
    click.echo(f"Report: {page}\n{summary(folder)}")


def _report_plan(plan: Path) -> None:
    from harness.planner.plan import read_plan
    from harness.report.plan import build_plan_report, headline

    with Steps().step("Writing the report"):
        page = build_plan_report(plan)
    click.echo(f"Report: {page}\n{headline(read_plan(plan))}")
