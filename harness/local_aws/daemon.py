"""Starts a local AWS in a process of its own, finds it again by its port, and stops it.

The process is ``python -m harness.local_aws.server``; this module loads nothing of what runs there. The process keeps
its state in a folder (state.json, harness.log, work/), one for each port, which is removed when it ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import platformdirs
import psutil

from harness.core import folders, interrupts
from harness.core.errors import HarnessError
from harness.local_aws.options import LocalAwsOptions

_START_SECONDS = 120
# TorchServe gets 30 s from SIGTERM to SIGKILL (SM guide); the rest is ours.
_STOP_SECONDS = 45
_POLL_SECONDS = 0.01
_LEAST_BYTES = 16 * 2**20  # of free disk space: for logs, sockets, an empty workspace
STATE_VARIABLE = "HARNESS_STATE"
IS_UP = "A local AWS is already up on port {0}; `harness down --port {0}` stops it."


@dataclass(frozen=True, slots=True)
class RunningLocalAws:
    """A local AWS that is up.

    started: when the process was created (Unix seconds), which tells it from a later process with the same pid.
    key: its administrator's key and secret, if the well-known key is not an administrator's.
    """

    url: str
    pid: int
    started: float
    region: str
    key: tuple[str, str] | None = None

    @property
    def alive(self) -> bool:
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1
        except psutil.NoSuchProcess:
            return False


def state_folder(port: int) -> Path:
    """The folder in which the local AWS on a port keeps its state. ``HARNESS_STATE`` moves it."""
    root = os.environ.get(STATE_VARIABLE)
    return (Path(root) if root else platformdirs.user_state_path("sagemaker-harness")) / str(port)


def find(port: int) -> RunningLocalAws | None:
    """The local AWS on a port, or None. Removes what a local AWS left there that was killed."""
    folder = state_folder(port)
    try:
        running = RunningLocalAws(**json.loads((folder / "state.json").read_text()))
        alive = running.alive
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    if alive:
        return running
    folders.remove(folder)
    return None


def start(options: LocalAwsOptions) -> RunningLocalAws:
    """Starts a local AWS in the background. Raises HarnessError if one is up on the port, or if it does not come up."""
    port = options.port
    if find(port):
        raise HarnessError(IS_UP.format(port))
    return _bring_up(state_folder(port), options, lifeline=False)[1]


class TemporaryLocalAws:
    """A local AWS on a free port, as a context manager. It ends with this process too, even if that is killed.

    meanwhile: called while the local AWS comes up.
    """

    def __init__(self, folder: Path, options: LocalAwsOptions, meanwhile: Callable[[], object] | None = None) -> None:
        self._folder = folder
        self._meanwhile = meanwhile
        self._options = dataclasses.replace(options, port=0)
        self._process: subprocess.Popen[bytes] | None = None
        self._running: RunningLocalAws | None = None

    def start(self) -> RunningLocalAws:
        """Starts it, once. Raises HarnessError if it does not come up; then nothing is left of it."""
        if self._running is None:
            self._process, self._running = _bring_up(
                self._folder, self._options, lifeline=True, meanwhile=self._meanwhile
            )
        return self._running

    def stop(self) -> None:
        """Stops it. Returns when it is gone."""
        if self._process is not None:
            _end(self._process)

    def __enter__(self) -> RunningLocalAws:
        return self.start()

    def __exit__(self, *reason: object) -> None:
        self.stop()


def _bring_up(
    folder: Path, options: LocalAwsOptions, *, lifeline: bool, meanwhile: Callable[[], object] | None = None
) -> tuple[subprocess.Popen[bytes], RunningLocalAws]:
    """Starts the process and waits until it is up. lifeline: the process ends when this one does."""
    process: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.defer_signals():
            process = _spawn(folder, options, lifeline=lifeline)
        if meanwhile is not None:
            meanwhile()
        return process, _await_state(process, folder)
    except BaseException:
        if process is not None:
            _end(process)
            folders.remove(folder)
        raise


def _spawn(folder: Path, options: LocalAwsOptions, *, lifeline: bool) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "harness.local_aws.server",
        "--folder",
        str(folder),
        "--options",
        json.dumps(asdict(options)),
    ]
    if lifeline:
        command.append("--lifeline")
    make_folder(folder)
    with (folder / "harness.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def make_folder(folder: Path) -> None:
    """Makes an empty state folder. Raises HarnessError if it cannot be written, or if the disk is almost full."""
    try:
        folders.remove(folder)
        folder.mkdir(parents=True)
    except OSError as error:
        raise HarnessError(
            f"Cannot write to {folder}: {error.strerror}. Set {STATE_VARIABLE} to another folder."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < _LEAST_BYTES:  # too little even for a log that says why it ends
        folders.remove(folder)
        raise HarnessError(
            f"Only {free // 2**20} MB are free in {folder.parent}: free some, or set TMPDIR or {STATE_VARIABLE} to "
            "another folder."
        )


def _await_state(process: subprocess.Popen[bytes], folder: Path) -> RunningLocalAws:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return RunningLocalAws(**json.loads((folder / "state.json").read_text()))
        if process.poll() is not None:
            lines = (folder / "harness.log").read_text(errors="replace").strip().splitlines()
            raise HarnessError(lines[-1] if lines else "The local AWS ended at once and said nothing.")
        time.sleep(_POLL_SECONDS)
    raise HarnessError(f"The local AWS did not come up within {_START_SECONDS} s.")


def _end(process: subprocess.Popen[bytes]) -> None:
    interrupts.end_process(process, _STOP_SECONDS)
    if process.stdin is not None:
        process.stdin.close()


def stop(port: int) -> bool:
    """Stops the local AWS on a port and waits until it is gone. Returns False if there was none."""
    running = find(port)
    if running is None:
        return False
    with interrupts.defer_signals():
        process = psutil.Process(running.pid)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
        folders.remove(state_folder(port))
    return True
