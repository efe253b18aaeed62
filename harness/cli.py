"""The command ``harness``. Its errors are sentences; a traceback is a bug."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import boto3
import click
from rich.console import Console

from harness import cli_capacity, cli_plan, cli_policy, daemon, interrupts
from harness.deploy import Deployment
from harness.errors import HarnessError
from harness.invoking import administrator_session, client_environment, harness_url, invoke_function
from harness.local import Options
from harness.progress import Steps
from harness.stack import Stack, load_stack

_FILE = click.Path(path_type=Path, dir_okay=False)
_PATH = click.Path(path_type=Path)

_port = click.option("--port", default=4566, show_default=True, help="Port of the local AWS.")
_region = click.option("--region", default="us-east-1", show_default=True)


class _Group(click.Group):
    """Turns what a user can mend into one sentence and exit status 1, and whatever interrupts it into one as well."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        with interrupts.raised():
            return super().main(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except interrupts.Interrupted as interrupted:
            Console(stderr=True).show_cursor()  # of a bar that was cut off
            click.echo(interrupted.sentence, err=True)
            context.exit(interrupted.exit_status)
        except HarnessError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}.") from None


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sagemaker-harness")
def main() -> None:
    """Rehearse a Lambda + SageMaker + auto scaling stack offline, on this machine."""


@main.command()
@_port
@_region
@click.option("--backend-url", envvar="HARNESS_BACKEND_URL", help="AWS emulator to use instead of moto in process.")
@click.option(
    "--containers",
    envvar="HARNESS_CONTAINERS",
    default="",
    help="URLs of running model containers, separated by commas: the instances of every endpoint.",
)
@click.option(
    "--lambda",
    "functions",
    type=click.Choice(["harness", "localstack"]),
    envvar="HARNESS_LAMBDA",
    default="harness",
    show_default=True,
    help="Who runs Lambda functions.",
)
@click.option(
    "--speed",
    type=click.FloatRange(1, 100),
    default=1.0,
    show_default=True,
    help="How many times as fast alarms, cooldowns and provisioning run; requests keep their latencies.",
)
@click.option(
    "--administrator/--no-administrator",
    default=True,
    show_default=True,
    help="Whether the key test is the account's administrator; without it a new user's key is printed.",
)
@click.option("--foreground", is_flag=True, help="Stay in the foreground until Ctrl-C.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
def up(
    port: int,
    region: str,
    backend_url: str | None,
    containers: str,
    functions: Literal["harness", "localstack"],
    speed: float,
    administrator: bool,
    foreground: bool,
    host: str,
) -> None:
    """Bring the local AWS up; prints the environment to export (eval "$(harness up)")."""
    listed = tuple(url for url in containers.split(",") if url)
    options = Options(host, port, region, backend_url, listed, functions, speed=speed, administrator=administrator)
    if foreground:
        sys.exit(daemon.serve_in_the_foreground(options))
    already = daemon.find(port)
    if already is not None:
        _export(already)  # which another shell needs all the same
    with Steps().step("Bringing the local AWS up"):
        running = daemon.start(options)
    hint = ' Export the following, or run `eval "$(harness up)"`:\n' if sys.stdout.isatty() else ""
    click.echo(f"The local AWS is up at {running.url}.{hint}", err=True)
    _export(running)
    down_command = "harness down" if port == 4566 else f"harness down --port {port}"
    click.echo(f"Next: harness deploy fixtures/dog_breed/stack.toml; `{down_command}` stops it.", err=True)


def _export(running: daemon.Running) -> None:
    for name, value in client_environment(running.url, running.region, running.key).items():
        click.echo(f"export {name}={value}")


@main.command()
@_port
def down(port: int) -> None:
    """Stop the local AWS and remove what it kept on disk."""
    with Steps().step("Taking the local AWS down"):
        stopped = daemon.stop(port)
    click.echo("The local AWS is down." if stopped else f"No local AWS is up on port {port}; nothing to do.", err=True)


@main.command()
@click.argument("stack_file", type=_FILE, required=False)
@click.option("--plan", type=_PATH, help="Settings of this plan in place of the stack file's own, which it names.")
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
        daemon.health(url)
    with Steps().step(f"Deploying {stack.name}") as say:
        Deployment(stack, boto3.Session() if aws else administrator_session(), url, say).run(build=not no_build)
    if plan is not None and url is not None:
        cli_plan.hand_over_plan(url, plan)
    where = url or "AWS"
    click.echo(f"{stack.name} is deployed at {where}: endpoint {stack.endpoint.name} is InService.", err=True)
    if stack.function is not None:
        click.echo(f"Next: harness invoke {stack_file}", err=True)


@main.command()
@click.argument("what", metavar="STACK_FILE|FUNCTION")
@click.option("--event", type=_FILE, help="JSON file to invoke the function with; the stack's own by default.")
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


@main.command()
def watch() -> None:
    """Draw the auto scaling of the local AWS in the terminal until Ctrl-C."""
    from harness.watch import watch as draw

    try:
        draw(harness_url(), Console(highlight=False))
    except KeyboardInterrupt:
        return


@main.command()
@click.argument("stack_file", type=_FILE)
@click.option("--users", default=2, show_default=True, help="Concurrent callers.", type=click.IntRange(1, 1000))
@click.option(
    "--seconds", default=30, show_default=True, help="Length of each load stage.", type=click.IntRange(5, 3600)
)
@click.option("--runs", default=Path("runs"), show_default=True, type=click.Path(path_type=Path, file_okay=False))
def rehearse(stack_file: Path, users: int, seconds: int, runs: Path) -> None:
    """Rehearse a stack from end to end: up, deploy, invoke, load, report, down."""
    from harness.rehearsal import Rehearsal

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
    return stack.function.called


@main.command()
@_port
def doctor(port: int) -> None:
    """Say what this machine lacks for a rehearsal, and what to do about it."""
    from rich.markup import escape

    from harness.doctor import examine

    console = Console(highlight=False)
    marks = {"ok": "[green]ok[/]     ", "note": "[yellow]note[/]   ", "problem": "[red]problem[/]"}
    problems = 0
    for finding in examine(port):
        problems += finding.level == "problem"
        advice = f"\n        {finding.advice}" if finding.advice else ""
        console.print(f"{marks[finding.level]} {finding.subject}: {escape(finding.found + advice)}", soft_wrap=True)
    if problems:
        raise SystemExit(1)


for command in (*cli_capacity.COMMANDS, cli_plan.plan, *cli_policy.COMMANDS):
    main.add_command(command)

if __name__ == "__main__":
    sys.exit(main())
