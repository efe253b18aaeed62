"""The command ``harness``. Its errors are sentences; a traceback is a bug."""

from __future__ import annotations

import pkgutil
import sys
from typing import Any

import click
from rich.console import Console

from harness.core import interrupts
from harness.core.errors import HarnessError

# A command is a module of harness.cli and, in it, a click command of the same name. It is loaded when it is called:
# `harness up` and `harness down` do without the second that the others take to load.
COMMANDS = (
    "up",
    "down",
    "reset",
    "watch",
    "doctor",
    "deploy",
    "invoke",
    "rehearse",
    "runs",
    "report",
    "compare",
    "measure",
    "plan",
    "policy",
    "oidc",
)


class _Commands(click.Group):
    """The registry's commands. An error that the user can mend, and an interrupt, end them with one sentence."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = pkgutil.resolve_name(f"harness.cli.{name}:{name}")
        return command

    def main(self, *arguments: Any, **options: Any) -> Any:
        with interrupts.raise_on_signals():
            return super().main(*arguments, **options)

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except interrupts.Interrupted as interrupted:
            Console(stderr=True).show_cursor()  # which a progress bar has hidden
            click.echo(interrupted.sentence, err=True)
            context.exit(interrupted.exit_status)
        except HarnessError as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise click.ClickException(f"{error.strerror or error}{where}.") from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sagemaker-harness")
def main() -> None:
    """Rehearse a Lambda + SageMaker + auto scaling stack offline, on this machine."""


if __name__ == "__main__":
    sys.exit(main())
