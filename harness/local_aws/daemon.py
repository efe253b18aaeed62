"""The local AWS as a process of its own: started, found again by its port, and stopped.

State lives in one folder per port (state.json, harness.log, work/), removed when the local AWS goes down.
The process is ``python -m harness.local_aws.server``; this module loads nothing of what runs there.
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

from harness.core import interrupts
from harness.core.errors import HarnessError
from harness.local_aws.options import LocalAwsOptions

_START_SECONDS = 120
# TorchServe gets 30 s from SIGTERM to SIGKILL (SM guide); the rest is ours.
_STOP_SECONDS = 45
_POLL_SECONDS = 0.01
_LEAST_BYTES = 16 * 2**20  # of the disk: logs, sockets, an empty workspace
STATE_VARIABLE = "HARNESS_STATE"
IS_UP = "A local AWS is already up on port {0}; `harness down --port {0}` stops it."


@dataclass(frozen=True, slots=True)
class Running:
    """A local AWS that is up. started: the process's creation time, so that a recycled pid is not taken for it.

    key: its administrator's key and secret, where the well-known key is not.
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
    """Where the local AWS on a port keeps its state; ``HARNESS_STATE`` moves it."""
    root = os.environ.get(STATE_VARIABLE)
    return (Path(root) if root else platformdirs.user_state_path("sagemaker-harness")) / str(port)


def find(port: int) -> Running | None:
    """The local AWS on a port, or None; what a killed one left behind is removed."""
    folder = state_folder(port)
    try:
        running = Running(**json.loads((folder / "state.json").read_text()))
        alive = running.alive
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None
    if alive:
        return running
    shutil.rmtree(folder, ignore_errors=True)
    return None


def start(options: LocalAwsOptions) -> Running:
    """Starts a local AWS in the background. Raises HarnessError when one is up there already, or does not come up."""
    port = options.port
    if find(port):
        raise HarnessError(IS_UP.format(port))
    return _bring_up(state_folder(port), options, lifeline=False)[1]


class Temporary:
    """A local AWS on a free port until the context ends; it ends with this process, however that ends.

    meanwhile: called while it is coming up.
    """

    def __init__(self, folder: Path, options: LocalAwsOptions, meanwhile: Callable[[], object] | None = None) -> None:
        self._folder = folder
        self._meanwhile = meanwhile
        self._options = dataclasses.replace(options, port=0)
        self._process: subprocess.Popen[bytes] | None = None
        self._running: Running | None = None

    def start(self) -> Running:
        """Raises HarnessError when it does not come up; nothing is left of it then."""
        if self._running is None:
            self._process, self._running = _bring_up(
                self._folder, self._options, lifeline=True, meanwhile=self._meanwhile
            )
        return self._running

    def stop(self) -> None:
        """Returns when it is gone."""
        if self._process is not None:
            _end(self._process)

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(self, *reason: object) -> None:
        self.stop()


def _bring_up(
    folder: Path, options: LocalAwsOptions, *, lifeline: bool, meanwhile: Callable[[], object] | None = None
) -> tuple[subprocess.Popen[bytes], Running]:
    process: subprocess.Popen[bytes] | None = None
    try:
        with interrupts.held_back():
            process = _spawn(folder, options, lifeline=lifeline)
        if meanwhile is not None:
            meanwhile()
        return process, _await_state(process, folder)
    except BaseException:
        if process is not None:
            _end(process)
            shutil.rmtree(folder, ignore_errors=True)
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
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    except OSError as error:
        raise HarnessError(
            f"Cannot write to {folder}: {error.strerror}. Set {STATE_VARIABLE} to another folder."
        ) from None
    free = shutil.disk_usage(folder).free
    if free < _LEAST_BYTES:  # it could not even write down why it ends
        shutil.rmtree(folder, ignore_errors=True)
        raise HarnessError(
            f"Only {free // 2**20} MB are free in {folder.parent}: free some, or set TMPDIR or {STATE_VARIABLE} to "
            "another folder."
        )


def _await_state(process: subprocess.Popen[bytes], folder: Path) -> Running:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Running(**json.loads((folder / "state.json").read_text()))
        if process.poll() is not None:
            lines = (folder / "harness.log").read_text(errors="replace").strip().splitlines()
            raise HarnessError(lines[-1] if lines else "The local AWS ended at once and said nothing.")
        time.sleep(_POLL_SECONDS)
    raise HarnessError(f"The local AWS did not come up within {_START_SECONDS} s.")


def _end(process: subprocess.Popen[bytes]) -> None:
    interrupts.end(process, _STOP_SECONDS)
    if process.stdin is not None:
        process.stdin.close()


def stop(port: int) -> bool:
    """Stops the local AWS on a port and waits until it is gone; False when there was none."""
    running = find(port)
    if running is None:
        return False
    with interrupts.held_back():
        process = psutil.Process(running.pid)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
        shutil.rmtree(state_folder(port), ignore_errors=True)
    return True
