"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from harness.core.environment import DEFAULT_PORT

FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

stack_file = click.argument("stack_file", type=FILE)
port = click.option("--port", default=DEFAULT_PORT, show_default=True, help="Port of the local AWS.")
runs_folder = click.option(
    "--runs", "runs_folder", default=Path("runs"), show_default=True, type=FOLDER, envvar="HARNESS_RUNS",
    help="Folder of the recorded runs.",
)  # fmt: skip
prices = click.option("--prices", type=FILE, help="TOML file of prices to use in place of the built-in ones.")
