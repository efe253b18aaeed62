"""The command ``harness``. Its errors are sentences; a traceback is a bug."""

from __future__ import annotations

import pkgutil
import sys
from typing import Any, Literal

import click
from rich.console import Console

from harness.core import interrupts
from harness.core.environment import client_environment, harness_url
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.local_aws import daemon
from harness.local_aws.options import LocalAwsOptions

# What these need takes a second to load, which `harness up` and `down` do without: each is loaded when it is called.
_ELSEWHERE = {
    "compare": "harness.cli.capacity",
    "deploy": "harness.cli.stack",
    "invoke": "harness.cli.stack",
    "measure": "harness.cli.capacity",
    "plan": "harness.cli.plan",
    "policy": "harness.cli.policy",
    "rehearse": "harness.cli.stack",
    "report": "harness.cli.capacity",
    "runs": "harness.cli.capacity",
}

_port = click.option("--port", default=4566, show_default=True, help="Port of the local AWS.")
_region = click.option("--region", default="us-east-1", show_default=True)


class _Group(click.Group):
    """Turns what a user can mend into one sentence and exit status 1, and whatever interrupts it into one as well."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted([*super().list_commands(context), *_ELSEWHERE])

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _ELSEWHERE:
            return super().get_command(context, name)
        found: click.Command = pkgutil.resolve_name(f"{_ELSEWHERE[name]}:{name}")
        return found

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
    options = LocalAwsOptions(
        host, port, region, backend_url, listed, functions, speed=speed, administrator=administrator
    )
    if foreground:
        from harness.local_aws.server import serve_in_the_foreground

        sys.exit(serve_in_the_foreground(options))
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
def watch() -> None:
    """Draw the auto scaling of the local AWS in the terminal until Ctrl-C."""
    from harness.local_aws.watch import watch as draw

    try:
        draw(harness_url(), Console(highlight=False))
    except KeyboardInterrupt:
        return


@main.command()
@_port
def doctor(port: int) -> None:
    """Say what this machine lacks for a rehearsal, and what to do about it."""
    from rich.markup import escape

    from harness.cli.doctor import examine

    console = Console(highlight=False)
    marks = {"ok": "[green]ok[/]     ", "note": "[yellow]note[/]   ", "problem": "[red]problem[/]"}
    problems = 0
    for finding in examine(port):
        problems += finding.level == "problem"
        advice = f"\n        {finding.advice}" if finding.advice else ""
        console.print(f"{marks[finding.level]} {finding.subject}: {escape(finding.found + advice)}", soft_wrap=True)
    if problems:
        raise SystemExit(1)


if __name__ == "__main__":
    sys.exit(main())
