"""``harness watch``: shows auto scaling in the terminal."""

from __future__ import annotations

import click


@click.command()
def watch() -> None:
    """Show auto scaling in the terminal until Ctrl-C."""
    from rich.console import Console

    from harness.core.environment import harness_url
    from harness.local_aws.watch import watch as draw

    try:
        draw(harness_url(), Console(highlight=False))
    except KeyboardInterrupt:
        return
