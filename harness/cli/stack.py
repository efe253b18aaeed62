"""``harness deploy``, ``invoke`` and ``rehearse``: what is done with a stack file."""

from __future__ import annotations

import os
from pathlib import Path

import boto3
import click
from rich.console import Console

from harness.cli import plan as cli_plan
from harness.cli.capacity import FILE
from harness.core import interrupts
from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.invocation import invoke_function
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack


@click.command()
@click.argument("stack_file", type=FILE, required=False)
@click.option(
    "--plan",
    type=click.Path(path_type=Path),
    help="Settings of this plan in place of the stack file's own, which it names.",
)
@click.option("--aws", is_flag=True, help="Deploy to the real AWS account of your credentials instead of the harness.")
@click.option("--no-build", is_flag=True, help="Take the model data as it lies, without its build script.")
def deploy(stack_file: Path | None, plan: Path | None, aws: bool, no_build: bool) -> None:
    """Deploy a stack file through ordinary boto3 calls.

    With --plan the endpoint is replaced; the files that `harness report` writes change it while it serves.
    """
    if plan is not None:
        stack, stack_file = cli_plan.planned(plan, stack_file)
    elif stack_file is not None:
        stack = load_stack(stack_file)
    else:
        raise HarnessError("Say what to deploy: harness deploy STACK_FILE, or --plan PLAN.")
    url = None if aws else harness_url()
    if url is not None:
        LocalAwsClient(url).health()
    with Steps().step(f"Deploying {stack.name}") as say:
        StackDeployment(stack, boto3.Session() if aws else administrator_session(), url, say).run(build=not no_build)
    if plan is not None and url is not None:
        cli_plan.hand_over_plan(url, plan)
    where = url or "AWS"
    click.echo(f"{stack.name} is deployed at {where}: endpoint {stack.endpoint.name} is InService.", err=True)
    if stack.function is not None:
        click.echo(f"Next: harness invoke {stack_file}", err=True)


@click.command()
@click.argument("what", metavar="STACK_FILE|FUNCTION")
@click.option("--event", type=FILE, help="JSON file to invoke the function with; the stack's own by default.")
def invoke(what: str, event: Path | None) -> None:
    """Invoke a Lambda function; its answer goes to standard output, its log to standard error."""
    function, region = what, os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if what.endswith(".toml"):
        stack = load_stack(Path(what))
        function, region = _function_name(stack), stack.region
        event = event or (stack.path(stack.function.event) if stack.function and stack.function.event else None)
    payload = event.read_bytes() if event else b"{}"
    url = harness_url()
    answer, log, failed = invoke_function(url, region, function, payload)
    click.echo(log, err=True, nl=False)
    click.echo(answer)
    if failed:
        raise click.ClickException(f"the function answered with an error ({failed}); its log is above.")


@click.command()
@click.argument("stack_file", type=FILE)
@click.option("--users", default=2, show_default=True, help="Concurrent callers.", type=click.IntRange(1, 1000))
@click.option(
    "--seconds", default=30, show_default=True, help="Length of each load stage.", type=click.IntRange(5, 3600)
)
@click.option("--runs", default=Path("runs"), show_default=True, type=click.Path(path_type=Path, file_okay=False))
def rehearse(stack_file: Path, users: int, seconds: int, runs: Path) -> None:
    """Rehearse a stack from end to end: up, deploy, invoke, load, report, down."""
    from harness.cli.rehearsal import Rehearsal

    stack = load_stack(stack_file)
    console = Console(stderr=True, highlight=False)
    rehearsal = Rehearsal(stack, stack_file, Steps(console), users=users, seconds=seconds, runs=runs)
    try:
        result = rehearsal.run()
    except interrupts.Interrupted as interrupted:
        run = rehearsal.recorded
        recorded = f"for what was recorded: harness report {run}" if run is not None else "nothing was recorded"
        interrupted.sentence = f"Interrupted, and nothing is left running; {recorded}."
        raise
    click.echo(str(result))


def _function_name(stack: Stack) -> str:
    if stack.function is None:
        raise HarnessError(f"The stack {stack.name} has no function to invoke.")
    return stack.function.qualified_name
