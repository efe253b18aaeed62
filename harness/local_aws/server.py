"""The process that a local AWS is: brought up from its options, told by a state.json, ended by a signal.

``python -m harness.local_aws.server`` is it; harness.local_aws.daemon starts it, finds it and stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import uvloop

from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.local_aws.daemon import IS_UP, Running, find, make_folder, state_folder
from harness.local_aws.options import LocalAwsOptions

if TYPE_CHECKING:
    from harness.local_aws.app import LocalAws


async def _run(
    local_aws: type[LocalAws], folder: Path, options: LocalAwsOptions, *, lifeline: bool, announce: bool
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    async with local_aws(options, workspace=folder / "work") as aws:
        if lifeline:
            loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1024) else ended.set())
        own = psutil.Process()
        running = Running(aws.url, own.pid, own.create_time(), aws.region, aws.administrator)
        draft = folder / "state.json.new"
        draft.touch(0o600)  # there may be a secret in it
        draft.write_text(json.dumps(asdict(running)))
        draft.rename(folder / "state.json")
        if announce:
            print(f"The local AWS is up at {aws.url}", flush=True)
            if aws.administrator is not None:
                for variable, value in client_environment(aws.url, aws.region, aws.administrator).items():
                    print(f"export {variable}={value}", flush=True)
        warming = asyncio.create_task(aws.backend.warm())
        await ended.wait()
        warming.cancel()
    shutil.rmtree(folder, ignore_errors=True)


def _load() -> type[LocalAws]:
    """What runs here stays until the process ends: collecting garbage amid its loading is an eighth of the start."""
    gc.disable()
    try:
        from harness.local_aws.app import LocalAws
    finally:
        gc.freeze()
        gc.enable()
    return LocalAws


def main(argv: Sequence[str] | None = None) -> int:
    """The process itself. Its last line of output is the reason, when it fails."""
    parser = argparse.ArgumentParser(prog="python -m harness.local_aws.server")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument(
        "--options", type=json.loads, required=True, help="harness.local_aws.options.LocalAwsOptions as JSON"
    )
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    arguments = parser.parse_args(argv)
    options = LocalAwsOptions(**{**arguments.options, "containers": tuple(arguments.options["containers"])})
    return serve(arguments.folder, options, lifeline=arguments.lifeline)


def serve(folder: Path, options: LocalAwsOptions, *, lifeline: bool = False, announce: bool = False) -> int:
    """Runs a local AWS in this process until SIGTERM or SIGINT (or the end of standard input); the exit status.

    announce: say on standard output when it is up.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        uvloop.run(_run(_load(), folder, options, lifeline=lifeline, announce=announce))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # such as a full disk
        print(f"The local AWS cannot run: {error}.", file=sys.stderr)
        return 1
    return 0


def serve_in_the_foreground(options: LocalAwsOptions) -> int:
    """The same where a person waits, in the state folder of its port. Raises HarnessError when one is up there."""
    port = options.port
    if find(port):
        raise HarnessError(IS_UP.format(port))
    folder = state_folder(port)
    try:
        make_folder(folder)
        return serve(folder, options, announce=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
