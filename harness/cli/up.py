"""``harness up``: starts a local AWS."""

from __future__ import annotations

import os
import sys
from typing import Literal

import click

from harness.cli import parameters
from harness.core.environment import DEFAULT_PORT, client_environment
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.local_aws import daemon
from harness.local_aws.options import LocalAwsOptions
from model_server import web_pages


@click.command()
@parameters.port
@click.option("--region", default="us-east-1", show_default=True, help="AWS region of the local AWS.")
@click.option(
    "--backend-url", envvar="HARNESS_BACKEND_URL", help="URL of an AWS emulator to use in place of the built-in moto."
)
@click.option(
    "--containers",
    envvar="HARNESS_CONTAINERS",
    default="",
    help="URLs of running model containers, separated by commas. They are the instances of every endpoint.",
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
    type=parameters.Number(1, 100),
    default=1.0,
    show_default=True,
    help="How many times faster than real time alarms, cooldowns and provisioning run. Latencies do not change.",
)
@click.option(
    "--administrator/--no-administrator",
    default=True,
    show_default=True,
    help="Whether the key `test` is an administrator's. If not, a new administrator's key is printed.",
)
@click.option("--other-users", is_flag=True, help="Let the other users of this machine call it too.")
@click.option(
    "--allowed-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="Another host name by which programs call it; localhost and 127.0.0.1 always may be used. Repeatable.",
)
@click.option(
    "--iam-quota",
    "quotas",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A quota of IAM that AWS has raised for you, such as PoliciesPerRole=20. Several are given one by one.",
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
    other_users: bool,
    allowed_hosts: tuple[str, ...],
    quotas: tuple[str, ...],
    foreground: bool,
    host: str,
) -> None:
    """Start the local AWS and print its environment.

    eval "$(harness up)" sets the environment in your shell.
    """
    urls = tuple(url for url in containers.split(",") if url)
    names = (*allowed_hosts, *os.environ.get(web_pages.VARIABLE, "").split(","))
    try:
        web_pages.allowed_hosts(host, names, loopback=True)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"--allowed-host or {web_pages.VARIABLE}") from None
    options = LocalAwsOptions(
        host,
        port,
        region,
        backend_url,
        urls,
        functions,
        speed=speed,
        administrator=administrator,
        other_users=other_users,
        allowed_hosts=names,
        quotas=_quotas(quotas),
    )
    if foreground:
        from harness.local_aws.server import serve_in_the_foreground

        sys.exit(serve_in_the_foreground(options))
    already = daemon.find(port)
    if already is not None:
        _export(already)  # for a second shell, though the command fails below
    with Steps().step("Bringing the local AWS up"):
        running = daemon.start(options)
    hint = ' Export the following, or run `eval "$(harness up)"`:\n' if sys.stdout.isatty() else ""
    click.echo(f"The local AWS is up at {running.url}.{hint}", err=True)
    _export(running)
    down_command = "harness down" if port == DEFAULT_PORT else f"harness down --port {port}"
    click.echo(f"Next: harness deploy fixtures/dog_breed/stack.toml; `{down_command}` stops it.", err=True)


def _quotas(given: tuple[str, ...]) -> dict[str, int]:
    """Quotas by name. Raises HarnessError for one that AWS does not raise so far."""
    from harness.access.rules.quotas import adjusted_quotas

    quotas: dict[str, int] = {}
    for text in given:
        name, _, number = text.partition("=")
        if not number.isdecimal():
            raise HarnessError(f"--iam-quota {text} must be like PoliciesPerRole=20.")
        quotas[name] = int(number)
    try:
        adjusted_quotas(quotas)
    except ValueError as error:
        raise HarnessError(f"--iam-quota: {error}.") from None
    return quotas


def _export(running: daemon.RunningLocalAws) -> None:
    for name, value in client_environment(running.url, running.region, running.key).items():
        click.echo(f"export {name}={value}")
