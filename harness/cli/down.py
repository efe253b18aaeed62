"""``harness down``: stops the local AWS."""

from __future__ import annotations

import click

from harness.cli import parameters
from harness.core.progress import Steps
from harness.local_aws import daemon


@click.command()
@parameters.port
def down(port: int) -> None:
    """Stop the local AWS and remove what it kept on disk."""
    with Steps().step("Taking the local AWS down"):
        stopped = daemon.stop(port)
    click.echo("The local AWS is down." if stopped else f"No local AWS is up on port {port}; nothing to do.", err=True)
