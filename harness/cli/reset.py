"""``harness reset``: empties the local AWS."""

from __future__ import annotations

import click

from harness.core.environment import harness_url
from harness.core.progress import Steps
from harness.local_aws.client import LocalAwsClient


@click.command()
@click.option("--port", type=int, help="Port of the local AWS, if it is another than that of AWS_ENDPOINT_URL.")
def reset(port: int | None) -> None:
    """Empty the local AWS, without stopping it.

    Everything that was deployed, stored, measured and logged in it is gone, and its clock is set back.
    """
    url = harness_url() if port is None else f"http://127.0.0.1:{port}"
    with Steps().step("Emptying the local AWS"):
        LocalAwsClient(url).reset()
    click.echo(f"The local AWS at {url} is empty.", err=True)
