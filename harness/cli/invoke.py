"""``harness invoke``: invokes a Lambda function of the local AWS."""

from __future__ import annotations

import os
from pathlib import Path

import click

from harness.cli.parameters import FILE
from harness.core.environment import harness_url
from harness.core.errors import HarnessError
from harness.local_aws.invocation import invoke_function
from harness.stack.file import load_stack


@click.command()
@click.argument("target", metavar="STACK_FILE|FUNCTION")
@click.option("--event", type=FILE, help="JSON file of the event to invoke the function with; by default the stack's.")
def invoke(target: str, event: Path | None) -> None:
    """Invoke a Lambda function. Its answer goes to standard output, its log to standard error."""
    function, region = target, os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    if target.endswith(".toml"):
        stack = load_stack(Path(target))
        if stack.function is None:
            raise HarnessError(f"The stack {stack.name} has no function to invoke.")
        function, region = stack.function.qualified_name, stack.region
        event = event or stack.event_file
    answer, log, error = invoke_function(harness_url(), region, function, event.read_bytes() if event else b"{}")
    click.echo(log, err=True, nl=False)
    click.echo(answer)
    if error:
        raise click.ClickException(f"the function answered with an error ({error}); its log is above.")
