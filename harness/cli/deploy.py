"""``harness deploy``: deploys a stack to the local AWS or to a real account."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.parameters import FILE
from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.session import administrator_session, aws_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack


@click.command()
@click.argument("stack_file", type=FILE, required=False)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="Deploy with the settings that this plan recommends. The plan names its stack file.",
)
@click.option("--aws", is_flag=True, help="Deploy to the AWS account of your credentials, not to the local AWS.")
@click.option("--no-build", is_flag=True, help="Use the model data that is there, without running its build script.")
def deploy(stack_file: Path | None, plan: Path | None, aws: bool, no_build: bool) -> None:
    """Deploy a stack with ordinary boto3 calls.

    The endpoint is made anew, with --plan too. The files that `harness plan` writes change it while it serves.
    """
    if plan is not None:
        stack, stack_file = _planned_stack(plan, stack_file)
    elif stack_file is not None:
        stack = load_stack(stack_file)
    else:
        raise HarnessError("Say what to deploy: harness deploy STACK_FILE, or --plan PLAN.")
    url = None if aws else harness_url()
    session = aws_session() if aws else administrator_session()
    if url is not None:
        LocalAwsClient(url).health()
    with Steps().step(f"Deploying {stack.name}") as say:
        StackDeployment(stack, session, url, say).run(build=not no_build)
    if plan is not None and url is not None:
        _hand_over_plan(url, plan)
    where = url or "AWS"
    click.echo(f"{stack.name} is deployed at {where}: endpoint {stack.endpoint.name} is InService.", err=True)
    if stack.function is not None:
        click.echo(f"Next: harness invoke {stack_file}", err=True)


def _planned_stack(plan_file: Path, stack_file: Path | None) -> tuple[Stack, Path]:
    """The planned stack with the settings that the plan recommends, and the stack's file.

    stack_file: to use in place of the one that the plan names. Raises HarnessError if the plan is of another stack.
    """
    from harness.planner.apply.tables import planned_stack
    from harness.planner.plan import read_plan

    plan = read_plan(plan_file)
    file = stack_file or Path(plan.stack_file)
    if stack_file is None and not file.is_file():
        raise HarnessError(
            f"The plan's stack file {file} is not here: name it, harness deploy STACK_FILE --plan {plan_file}."
        )
    return planned_stack(plan, load_stack(file)), file


def _hand_over_plan(url: str, plan_file: Path) -> None:
    """Has the Inference Recommender of the harness at ``url`` answer with a plan."""
    from harness.planner.hand_over import hand_over
    from harness.planner.plan import read_plan

    hand_over(url, read_plan(plan_file))
