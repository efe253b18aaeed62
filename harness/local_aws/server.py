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
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvloop

from harness.core import tasks
from harness.core.environment import client_environment
from harness.core.errors import HarnessError
from harness.local_aws.claim import Claim
from harness.local_aws.daemon import OPTIONS, STATE, RunningLocalAws, taken_port
from harness.local_aws.listener import adopt
from harness.local_aws.options import LocalAwsOptions
from model_server.private import UMASK

if TYPE_CHECKING:
    from harness.local_aws.app import LocalAws


async def _run(
    local_aws: type[LocalAws],
    own: Claim,
    listener: socket.socket,
    options: LocalAwsOptions,
    *,
    lifeline: bool,
    announce: bool,
) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        own.say("stopping")
        ended.set()

    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, end)
    if lifeline:
        loop.add_reader(sys.stdin.fileno(), lambda: None if os.read(sys.stdin.fileno(), 1024) else end())
    async with local_aws(options, workspace=own.folder / "work", listener=listener) as aws:
        if ended.is_set():
            return
        running = RunningLocalAws(aws.url, os.getpid(), time.time(), aws.region, aws.administrator)
        own.say("up")
        draft = own.folder / f"{STATE}.new"
        draft.write_text(json.dumps(asdict(running)))  # it may contain a secret key; the umask keeps it private
        draft.rename(own.folder / STATE)
        if announce:
            print(f"The local AWS is up at {aws.url}", flush=True)
            if aws.administrator is not None:
                for variable, value in client_environment(aws.url, aws.region, aws.administrator).items():
                    print(f"export {variable}={value}", flush=True)
        warming = tasks.start(aws.backend.warm(), "the first calls of the backend")
        aws.on_failure = ended.set
        if aws.failure is None:
            await ended.wait()
        await tasks.stop(warming)
        if aws.failure is not None:
            from harness.local_aws.app import ENDED  # loaded by now, and not before it is needed

            raise HarnessError(ENDED.format(tasks.said_of(aws.failure)))


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
    """Runs the process. If it fails, its last line of output says why, for the process that started it to read."""
    parser = argparse.ArgumentParser(prog="python -m harness.local_aws.server")
    parser.add_argument(
        "--folder", type=Path, required=True, help="the state folder; options.json in it has the options"
    )
    parser.add_argument("--lock", type=int, required=True, help="descriptor of the folder's lock")
    parser.add_argument("--listener", type=int, required=True, help="descriptor of the listening socket")
    parser.add_argument("--lifeline", action="store_true", help="end when standard input does")
    arguments = parser.parse_args(argv)
    members: dict[str, Any] = json.loads((arguments.folder / OPTIONS).read_text())
    lists = {name: tuple(value) for name, value in members.items() if isinstance(value, list)}  # JSON has no tuples
    options = LocalAwsOptions(**{**members, **lists})
    os.set_inheritable(arguments.lock, False)
    own = Claim(arguments.folder, arguments.lock)
    status = serve(own, adopt(arguments.listener), options, lifeline=arguments.lifeline)
    if status == 0:
        own.release()
    return status


def serve(
    own: Claim, listener: socket.socket, options: LocalAwsOptions, *, lifeline: bool = False, announce: bool = False
) -> int:
    """Runs a local AWS in this process until SIGTERM or SIGINT. Returns the exit status.

    lifeline: the end of standard input ends it too. announce: print a line when it is up.
    """
    os.umask(UMASK)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    try:
        uvloop.run(_run(_load(), own, listener, options, lifeline=lifeline, announce=announce))
    except HarnessError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # such as a full disk
        print(f"The local AWS cannot run: {error}.", file=sys.stderr)
        return 1
    return 0


def serve_in_the_foreground(options: LocalAwsOptions) -> int:
    """Runs a local AWS on the terminal, in its port's state folder. Raises HarnessError if one is up on the port."""
    with taken_port(options) as (own, listener):
        try:
            return serve(own, listener, options, announce=True)
        finally:
            listener.close()
            own.release()


if __name__ == "__main__":
    sys.exit(main())
