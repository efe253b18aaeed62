"""The commands about capacity: what was recorded, measured and planned. harness.cli.main adds them to its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from harness.core.errors import HarnessError
from harness.core.progress import Steps

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("what", metavar="RUN|PLAN", type=click.Path(path_type=Path))
def report(what: Path) -> None:
    """Write the report of a recorded run or of a plan, which is a folder or its plan.json.

    Of a run: report.html and report.json. Of a plan: report.html, report.md and the files ready to apply.
    """
    if what.is_file() or what.suffix == ".json" or (what / "plan.json").is_file():
        _report_plan(what)
        return
    from harness.report.run import build_report, summary

    with Steps().step("Writing the report"):
        page = build_report(what)
    click.echo(f"Report: {page}\n{summary(what)}")


def _report_plan(plan: Path) -> None:
    from harness.planner.plan import read_plan
    from harness.report.plan import build_plan_report, headline

    with Steps().step("Writing the report"):
        page = build_plan_report(plan)
    click.echo(f"Report: {page}\n{headline(read_plan(plan))}")


_runs = click.option(
    "--runs", "store", default=Path("runs"), show_default=True, type=click.Path(path_type=Path, file_okay=False),
    envvar="HARNESS_RUNS", help="Folder of the runs.",
)  # fmt: skip


@click.command()
@_runs
def runs(store: Path) -> None:
    """List the recorded runs, oldest first."""
    from harness.report.run.terminal import runs_table

    table = runs_table(store)
    if not table.row_count:
        raise HarnessError(f"There are no runs in {store}: locust -f loadtests records one.")
    print_table(table)


@click.command()
@click.argument("before")
@click.argument("after")
@_runs
@click.option("--out", type=FILE, help="Page to write; compare.html in the later run's folder by default.")
def compare(before: str, after: str, store: Path, out: Path | None) -> None:
    """Compare two runs, each a folder, an id, or its beginning: the shift of each percentile with its interval."""
    from harness.load.runs import find_run, read_run
    from harness.report.compare import compare_runs, shifts_table, write_page

    folders = find_run(before, store), find_run(after, store)
    comparison = compare_runs(*(read_run(folder) for folder in folders))
    for warning in comparison.warnings:
        click.echo(warning, err=True)
    print_table(shifts_table(comparison))
    click.echo(f"Page: {write_page(comparison, out or folders[1] / 'compare.html')}")


def print_table(table: Table) -> None:
    """A table as wide as it is, which a narrow terminal wraps: a figure that is cut off says nothing."""
    console = Console(highlight=False)
    console.width = max(console.width, Console(width=1000).measure(table).maximum)
    console.print(table)


@click.command()
@click.argument("stack_file", type=FILE)
@click.option("--variant", help="Production variant to measure, where the endpoint has several.")
@click.option("--payload", type=FILE, help="File to send to the model; the function's event by default.")
@click.option("--content-type", default="application/json", show_default=True, help="Of the payload.")
@click.option(
    "--requests", type=click.IntRange(min=60), default=300, show_default=True, help="Sent at each number of callers."
)
@click.option("--no-function", is_flag=True, help="Leave Lambda's own part out.")
@click.option("--no-queue", is_flag=True, help="Leave out the burst that shows the queue.")
@click.option("--deployed", is_flag=True, help="Measure the endpoint that is deployed at the harness.")
@click.option("--aws", is_flag=True, help="Measure the endpoint of your AWS account: a dry run first.")
@click.option("--max-requests", default=10_000, show_default=True, help="Requests at which one on AWS is stopped.")
@click.option("--max-cost", default=1.0, show_default=True, help="US dollars at which one on AWS is stopped.")
@click.option("--prices", type=FILE, help="TOML file with prices in place of the built-in ones.")
@click.option("--confirm", default="", help="The code that the dry run on AWS printed.")
@click.option("--out", type=FILE, default=Path("profile.json"), show_default=True, help="Profile to write.")
def measure(stack_file: Path, out: Path, **options: Any) -> None:
    """Measure what one instance of a stack gives: the capacity profile that plans and twins are made from."""
    from harness.measure.command import MeasureOptions, run
    from harness.measure.document import lines, table

    if not out.parent.is_dir():
        raise HarnessError(f"The profile cannot be written to {out}: there is no folder {out.parent}.")
    console = Console(stderr=True, highlight=False)
    profile = run(stack_file, out.stem, MeasureOptions(**options), Steps(console), click.echo)
    if profile is None:
        return
    out.write_text(profile.to_json(), encoding="utf-8")
    print_table(table(profile))
    click.echo("\n".join(lines(profile)))
    click.echo(f"Profile: {out}")
