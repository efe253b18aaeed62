"""Arguments and options that several commands have."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from harness.core.environment import DEFAULT_PORT

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Number(click.FloatRange):
    """A number within bounds. NaN, which is neither below nor above any bound, is refused."""

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        number = super().convert(value, parameter, context)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", parameter, context)
        return number


stack_file = click.argument("stack_file", type=FILE)
port = click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="Port of the local AWS."
)
runs_folder = click.option(
    "--runs", "runs_folder", default=Path("runs"), show_default=True, type=FOLDER, envvar="HARNESS_RUNS",
    help="Folder of the recorded runs.",
)  # fmt: skip
prices = click.option("--prices", type=FILE, help="TOML file of prices to use in place of the built-in ones.")
