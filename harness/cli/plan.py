"""The command `harness plan`. harness.cli.main adds it to its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli.capacity import FILE, print_table
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.stack.file import load_stack
from harness.stack.tables import Stack


def planned(plan: Path, stack_file: Path | None) -> tuple[Stack, Path]:
    """The stack that a plan is of, with the settings that it recommends, and the stack's file.

    stack_file: in place of the one that the plan names. Raises HarnessError where the plan is of another stack.
    """
    from harness.planner.apply.tables import planned_stack
    from harness.planner.plan import read_plan

    read = read_plan(plan)
    file = stack_file or Path(read.stack_file)
    if stack_file is None and not file.is_file():
        raise HarnessError(
            f"The plan's stack file {file} is not here: name it, harness deploy STACK_FILE --plan {plan}."
        )
    return planned_stack(read, load_stack(file)), file


def hand_over_plan(url: str, plan: Path) -> None:
    """So that the Inference Recommender of the harness at ``url`` answers with it."""
    from harness.planner.hand_over import hand_over
    from harness.planner.plan import read_plan

    hand_over(url, read_plan(plan))


_DURATIONS = "such as 1.5s or 3min"


@click.command()
@click.argument("stack_file", type=FILE)
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="[TYPE=]FILE",
    help="Capacity profile that `harness measure` wrote, of the stack's instance type or the one named; repeatable.",
)
@click.option(
    "--traffic",
    required=True,
    help="A trace (.csv, .csv.gz, CloudWatch .json), or constant:20/s:1h, ramp:1/s..20/s:30min, steps:5/s,20/s:3h, "
    "spike:5/s..50/s:2h, daily:2/s..40/s[:7d].",
)
@click.option("--day", help="Of a trace, one day or several: 2026-01-31 or 2026-01-05..2026-01-18.")
@click.option("--peak", help="Scale the traffic to this highest rate, such as 40/s.")
@click.option("--p99", required=True, help=f"Objective: 99 % of the requests are answered within, {_DURATIONS}.")
@click.option("--errors", default="0.1%", show_default=True, help="Objective: requests that may end in an error.")
@click.option(
    "--ratio",
    "ratios",
    multiple=True,
    metavar="TYPE=R",
    help="An instance type that answers R times as many requests a second as the measured one; repeatable.",
)
@click.option("--variant", help="Production variant to plan; the heaviest by default.")
@click.option("--compare", multiple=True, type=FILE, help="Another stack file to run beside the plan; repeatable.")
@click.option("--prices", type=FILE, help="TOML file with prices in place of the built-in ones.")
@click.option("--max-instances", type=click.IntRange(1), default=50, show_default=True, help="Of the variant, at most.")
@click.option("--provisioning", default="180s", show_default=True, help="From a decision until a new instance serves.")
@click.option("--client-timeout", default="60s", show_default=True, help="How long callers wait.")
@click.option("--retries", type=click.IntRange(0, 10), default=0, show_default=True, help="Of callers.")
@click.option("--candidates", type=click.IntRange(1, 2000), default=500, show_default=True, help="Settings to screen.")
@click.option(
    "--replications", type=click.IntRange(3, 30), default=5, show_default=True, help="Runs for each figure's interval."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Of all draws.")
@click.option("--jobs", type=click.IntRange(1), help="Worker processes; one a core by default.")
@click.option("--dask", metavar="ADDRESS", help="Plan on the workers of this Dask scheduler, tcp://HOST:8786.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Run the chosen setting and the runner-up live on twins, for the time and at the speed below.",
)
@click.option("--confirm-for", default="120s", show_default=True, help="Of each of the two, on the wall's clock.")
@click.option(
    "--speed", type=click.FloatRange(1, 60), default=10, show_default=True, help="Of scaling in the live runs."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder; plans/STACK-TIME by default.")
def plan(
    stack_file: Path,
    jobs: int | None,
    dask: str | None,
    confirm: bool,
    confirm_for: str,
    speed: float,
    out: Path | None,
    **options: Any,
) -> None:
    """Plan the capacity of a stack: the cheapest settings that serve a traffic within an objective.

    Writes plan.json, report.html, report.md and the files ready to apply.
    """
    from harness.core.quantities import parse_duration
    from harness.planner.command import confirmed, folder_for, make_plan, write_plan
    from harness.planner.confirmation.confirm import ConfirmationOptions
    from harness.planner.problem import PlanOptions, prepare
    from harness.report.plan import build_plan_report
    from harness.report.plan.terminal import closing
    from harness.simulator import simulate

    steps = Steps()
    live = ConfirmationOptions(speed=speed, seconds=parse_duration(confirm_for))
    prepared = prepare(stack_file, PlanOptions(**options))
    folder = folder_for(prepared.stack.name, out)
    made = make_plan(prepared, steps, jobs=jobs, dask=dask, simulate=simulate)
    write_plan(made, folder)
    if confirm and made.recommended is not None:
        made = confirmed(made, prepared, simulate, live, steps)
        write_plan(made, folder)
    with steps.step("Writing the report"):
        page = build_plan_report(folder)
    click.echo()
    for part in closing(made):
        if isinstance(part, str):
            Console(highlight=False, markup=False).print(part)
        else:
            print_table(part)
    click.echo(f"Plan:   {folder / 'plan.json'}\nReport: {page}")
    if made.recommended is None:
        raise SystemExit(1)
    click.echo(f"Apply:  {folder / 'apply' / 'apply.sh'}, or `harness deploy {stack_file} --plan {folder}`")
