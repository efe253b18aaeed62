"""``harness measure``: measures one instance and writes its capacity profile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from harness.cli import parameters
from harness.cli.parameters import FILE
from harness.cli.tables import print_table
from harness.core.errors import HarnessError
from harness.core.progress import Steps


@click.command()
@parameters.stack_file
@click.option("--variant", help="Production variant to measure, if the endpoint has several.")
@click.option("--payload", type=FILE, help="File to send to the model; by default the function's event.")
@click.option("--content-type", default="application/json", show_default=True, help="Content type of the payload.")
@click.option(
    "--requests",
    type=click.IntRange(min=60),
    default=300,
    show_default=True,
    help="Requests to send at each number of concurrent callers.",
)
@click.option("--no-function", is_flag=True, help="Do not measure the Lambda function's own time.")
@click.option("--no-queue", is_flag=True, help="Do not send the burst that shows how long the queue is.")
@click.option("--deployed", is_flag=True, help="Measure the endpoint that is deployed on the local AWS.")
@click.option("--aws", is_flag=True, help="Measure the endpoint in your AWS account. The first call is a dry run.")
@click.option(
    "--max-requests",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="With --aws: stop after so many requests.",
)
@click.option(
    "--max-cost",
    type=parameters.Number(0, min_open=True),
    default=1.0,
    show_default=True,
    help="With --aws: stop at this cost in US dollars.",
)
@parameters.prices
@click.option("--confirm", default="", help="With --aws: the code that the dry run printed.")
@click.option("--out", type=FILE, default=Path("profile.json"), show_default=True, help="Profile to write.")
def measure(stack_file: Path, out: Path, **options: Any) -> None:
    """Measure what one instance of a stack can serve.

    Writes a capacity profile, which `harness plan` and twins start from.
    """
    from harness.measure.command import MeasureOptions, run
    from harness.measure.document import lines, table

    if not out.parent.is_dir():
        raise HarnessError(f"The profile cannot be written to {out}: there is no folder {out.parent}.")
    console = Console(stderr=True, highlight=False)
    profile = run(stack_file, out.stem, MeasureOptions(**options), Steps(console), click.echo)
    if profile is None:
        return
    out.write_text(profile.to_json(), encoding="utf-8")
    print_table(table(profile))
    click.echo("\n".join(lines(profile)))
    click.echo(f"Profile: {out}")
