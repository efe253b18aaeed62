"""``harness plan``: plans the capacity of a stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli import parameters
from harness.cli.parameters import FILE, FOLDER
from harness.cli.tables import print_table
from harness.core.progress import Steps
from harness.load.traffic_forms import TRAFFIC_FORMS


@click.command()
@parameters.stack_file
@click.option(
    "--profile",
    "profiles",
    multiple=True,
    metavar="[TYPE=]FILE",
    help="Capacity profile that `harness measure` wrote, of the stack's instance type or of TYPE. Repeatable.",
)
@click.option(
    "--traffic",
    required=True,
    help="A trace (.csv, .csv.gz, CloudWatch .json), or one of "
    + "; ".join(f"{form.usage} ({form.meaning})" for form in TRAFFIC_FORMS.values())
    + ".",
)
@click.option("--day", help="Day or days of the trace to use: 2026-01-31 or 2026-01-05..2026-01-18.")
@click.option("--peak", help="Scale the traffic so that this is its highest rate, such as 40/s.")
@click.option(
    "--p99", required=True, help="Objective: 99 % of the requests are answered within this time, such as 1.5s."
)
@click.option("--errors", default="0.1%", show_default=True, help="Objective: at most so many requests fail.")
@click.option(
    "--ratio",
    "ratios",
    multiple=True,
    metavar="TYPE=R",
    help="Also consider this instance type, which serves R times the requests of the measured one. Repeatable.",
)
@click.option("--variant", help="Production variant to plan; by default the one with the largest weight.")
@click.option("--compare", multiple=True, type=FILE, help="Stack file to simulate beside the plan. Repeatable.")
@parameters.prices
@click.option(
    "--max-instances", type=click.IntRange(1), default=50, show_default=True, help="Most instances of the variant."
)
@click.option(
    "--provisioning", default="180s", show_default=True, help="Time from a scaling decision until the instance serves."
)
@click.option("--client-timeout", default="60s", show_default=True, help="How long callers wait for an answer.")
@click.option(
    "--retries", type=click.IntRange(0, 10), default=0, show_default=True, help="How often callers try again."
)
@click.option("--candidates", type=click.IntRange(1, 2000), default=500, show_default=True, help="Settings to screen.")
@click.option(
    "--replications",
    type=click.IntRange(3, 30),
    default=5,
    show_default=True,
    help="Simulated runs behind the confidence interval of each figure.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, help="Seed of all random draws."
)
@click.option("--jobs", type=click.IntRange(1), help="Worker processes; by default one for each core.")
@click.option("--dask", metavar="ADDRESS", help="Plan on the workers of this Dask scheduler, tcp://HOST:8786.")
@click.option(
    "--confirm/--no-confirm",
    default=True,
    show_default=True,
    help="Run the recommended settings and the runner-up live, on twins.",
)
@click.option("--confirm-for", default="120s", show_default=True, help="Real time that each live run takes.")
@click.option(
    "--speed",
    type=parameters.Number(1, 60),
    default=10,
    show_default=True,
    help="How many times faster than real time scaling runs in the live runs.",
)
@click.option("--out", type=FOLDER, help="Folder to write to; by default plans/STACK-TIME.")
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
    """Find the cheapest settings for some traffic.

    Plans the capacity of a stack: the settings serve the traffic within the objective, --p99 and --errors.
    Writes plan.json, report.html, report.md and the files ready to apply. Exit status 1 if no settings do.
    """
    from harness.core.quantities import parse_duration
    from harness.planner.command import confirmed, make_plan, plan_folder, write_plan
    from harness.planner.confirmation.confirm import ConfirmationOptions
    from harness.planner.problem import PlanOptions, prepare
    from harness.planner.search.engine import check_address
    from harness.report.plan import build_plan_report
    from harness.report.plan.terminal import closing
    from harness.simulator import simulate

    if dask is not None:
        check_address(dask)
    steps = Steps()
    confirmation = ConfirmationOptions(speed=speed, seconds=parse_duration(confirm_for))
    problem = prepare(stack_file, PlanOptions(**options))
    with plan_folder(problem.stack.name, out) as folder:
        result = make_plan(problem, steps, jobs=jobs, dask=dask, simulate=simulate)
        write_plan(result, folder)
        if confirm and result.recommended is not None:
            result = confirmed(result, problem, simulate, confirmation, steps)
            write_plan(result, folder)
        with steps.step("Writing the report"):
            page = build_plan_report(folder)
    click.echo()
    for part in closing(result):
        if isinstance(part, str):
            Console(highlight=False, markup=False).print(part)
        else:
            print_table(part)
    click.echo(f"Plan:   {folder / 'plan.json'}\nReport: {page}")
    if result.recommended is None:
        raise SystemExit(1)
    click.echo(f"Apply:  {folder / 'apply' / 'apply.sh'}, or `harness deploy {stack_file} --plan {folder}`")
