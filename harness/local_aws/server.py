"""Runs a local AWS in this process until a signal ends it, and writes a state.json when it is up.

The process is ``python -m harness.local_aws.server``; harness.local_aws.daemon starts it, finds it and stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import uvloop

from harness.core import folders, tasks
from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.local_aws.daemon import IS_UP, RunningLocalAws, find, make_folder, state_folder
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
        running = RunningLocalAws(aws.url, own.pid, own.create_time(), aws.region, aws.administrator)
        draft = folder / "state.json.new"
        draft.touch(0o600)  # it may contain a secret key
        draft.write_text(json.dumps(asdict(running)))
        draft.rename(folder / "state.json")
        if announce:
            print(f"The local AWS is up at {aws.url}", flush=True)
            if aws.administrator is not None:
                for variable, value in client_environment(aws.url, aws.region, aws.administrator).items():
                    print(f"export {variable}={value}", flush=True)
        warming = tasks.start(aws.backend.warm(), "the first calls of the backend")
        aws.on_failure = ended.set
        await ended.wait()
        await tasks.stop(warming)
        if aws.failure is not None:
            from harness.local_aws.app import ENDED  # loaded by now, and not before it is needed

            raise HarnessError(ENDED.format(tasks.said_of(aws.failure)))
    folders.remove(folder)


def _load() -> type[LocalAws]:
    """Loads the local AWS without collecting garbage, which would take an eighth of the start: all of it stays."""
    gc.disable()
    try:
        from harness.local_aws.app import LocalAws
    finally:
        gc.freeze()
        gc.enable()
    return LocalAws


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the process. If it fails, its last line of output says why."""
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
    """Runs a local AWS in this process until SIGTERM or SIGINT. Returns the exit status.

    lifeline: the end of standard input ends it too. announce: print a line when it is up.
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
    """Runs a local AWS on the terminal, in its port's state folder. Raises HarnessError if one is up on the port."""
    port = options.port
    if find(port):
        raise HarnessError(IS_UP.format(port))
    folder = state_folder(port)
    try:
        make_folder(folder)
        return serve(folder, options, announce=True)
    finally:
        folders.remove(folder)


if __name__ == "__main__":
    sys.exit(main())
