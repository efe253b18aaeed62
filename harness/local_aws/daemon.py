"""Starts a local AWS in a process of its own, finds it again by its port, and stops it.

The process is ``python -m harness.local_aws.server``; this module loads nothing of what runs there. The process keeps
its state in a folder (lock, state.json, harness.log, work/), one for each port, which is removed when it ends. It has
the folder's lock and the port from this process, which took them before it started anything.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import platformdirs
import psutil

from harness.core import interrupts
from harness.core.errors import HarnessError
from harness.local_aws.claim import LOCK, Claim, Claimed, Holder, claim, has_lock, holder_of, is_claimed
from harness.local_aws.listener import listen
from harness.local_aws.options import LocalAwsOptions
from model_server.private import ForeignFolderError, check_own, close_to_others

_START_SECONDS = 120
# TorchServe gets 30 s from SIGTERM to SIGKILL (SM guide); the rest is ours.
_STOP_SECONDS = 45
_POLL_SECONDS = 0.01
_LEAST_BYTES = 16 * 2**20  # of free disk space: for logs, sockets, an empty workspace
STATE_VARIABLE = "HARNESS_STATE"
LOG = "harness.log"
OPTIONS = "options.json"
STATE = "state.json"
_PHASES = {"starting": "already coming up", "up": "already up", "stopping": "still going down"}


@dataclass(frozen=True, slots=True)
class RunningLocalAws:
    """A local AWS that is up.

    started: when it came up (Unix seconds). key: its administrator's key and secret, if the well-known key is not an
    administrator's.
    """

    url: str
    pid: int
    started: float
    region: str
    key: tuple[str, str] | None = None


def state_folder(port: int) -> Path:
    """The folder in which the local AWS on a port keeps its state. ``HARNESS_STATE`` moves it."""
    root = os.environ.get(STATE_VARIABLE)
    return (Path(root) if root else platformdirs.user_state_path("sagemaker-harness")) / str(port)


def find(port: int) -> RunningLocalAws | None:
    """The local AWS on a port, or None. Removes what a local AWS left there that was killed.

    Raises HarnessError if the state folder is another user's.
    """
    folder = state_folder(port)
    try:
        if is_claimed(folder):
            return _read_state(folder)
        if any((folder / name).exists() for name in (LOCK, STATE, LOG)):
            claim(folder).release()
    except ForeignFolderError as error:
        raise _not_own(error) from None
    except (Claimed, OSError):
        pass  # somebody was faster, or the folder stays as it is
    return None


def start(options: LocalAwsOptions) -> RunningLocalAws:
    """Starts a local AWS in the background. Raises HarnessError if one is up on the port, or if it does not come up."""
    return _bring_up(None, options, lifeline=False)[1]


@contextlib.contextmanager
def taken_port(options: LocalAwsOptions, folder: Path | None = None) -> Iterator[tuple[Claim, socket.socket]]:
    """The port of the options, listening, and the claim on its state folder, which is empty.

    folder: another state folder. Raises HarnessError. Whatever is raised inside gives both up and removes the folder;
    else they are the caller's to close.
    """
    with contextlib.ExitStack() as undo:
        listener = listen(options.host, 0) if options.port == 0 else None
        if listener is not None:
            undo.callback(listener.close)
        port = options.port if listener is None else int(listener.getsockname()[1])
        own = _claim(folder or state_folder(port), port)
        undo.callback(own.release)
        if listener is None:
            listener = listen(options.host, port)
            undo.callback(listener.close)
        yield own, listener
        undo.pop_all()


def _claim(folder: Path, port: int) -> Claim:
    """Claims a state folder. Waits for the end of a local AWS that is going down. Raises HarnessError."""
    deadline = time.monotonic() + _STOP_SECONDS
    while True:
        try:
            _check_root(folder.parent)
            own = claim(folder)
            break
        except Claimed as error:
            if not (error.holder and error.holder.phase == "stopping" and time.monotonic() < deadline):
                raise HarnessError(_is_up(port, error.holder)) from None
            time.sleep(_POLL_SECONDS)
        except ForeignFolderError as error:
            raise _not_own(error) from None
        except OSError as error:
            raise HarnessError(
                f"Cannot write to {folder}: {error.strerror}. Set {STATE_VARIABLE} to another folder."
            ) from None
    free = shutil.disk_usage(folder).free
    if free < _LEAST_BYTES:  # too little even for a log that says why it ends
        own.release()
        raise HarnessError(
            f"Only {free // 2**20} MB are free in {folder.parent}: free some, or set TMPDIR or {STATE_VARIABLE} to "
            "another folder."
        )
    return own


def _is_up(port: int, holder: Holder | None) -> str:
    phase = _PHASES[holder.phase if holder else "starting"]
    return (
        f"A local AWS is {phase} on port {port} ({holder or 'another process'}); `harness down --port {port}` stops it."
    )


def _not_own(error: ForeignFolderError) -> HarnessError:
    return HarnessError(f"{error}, so it is not used: set {STATE_VARIABLE} to a folder of your own.")


def _check_root(root: Path) -> None:
    """Closes the folder of all state folders to others. One that has other things in it, such as /tmp, keeps its mode.

    Raises ForeignFolderError if others could put a folder of theirs in the place of one, or of one above.
    """
    for above in root.absolute().parents:
        # Not for a group's: many systems give each user a group of the user's own.
        if above.is_dir() and above.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            raise ForeignFolderError(f"{above} can be written to by other users")
    try:
        status = root.lstat()
    except FileNotFoundError:
        return
    if status.st_uid != 0 or stat.S_ISLNK(status.st_mode):
        check_own(root)
    if status.st_mode & stat.S_ISVTX:
        return
    if status.st_uid == os.geteuid() and all(entry.name.isdigit() for entry in root.iterdir()):
        close_to_others(root)
    elif status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ForeignFolderError(f"{root} can be written to by other users")


def _read_state(folder: Path) -> RunningLocalAws | None:
    try:
        return RunningLocalAws(**json.loads((folder / STATE).read_text()))
    except (OSError, ValueError, TypeError, OverflowError, RecursionError):
        return None


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
    folder: Path | None, options: LocalAwsOptions, *, lifeline: bool, meanwhile: Callable[[], object] | None = None
) -> tuple[subprocess.Popen[bytes], RunningLocalAws]:
    """Starts the process and waits until it is up. folder: in place of the port's. lifeline: it ends with this one."""
    with taken_port(options, folder) as (own, listener):
        process: subprocess.Popen[bytes] | None = None
        try:
            with interrupts.defer_signals():
                process = _spawn(own, listener, options, lifeline=lifeline)
            if meanwhile is not None:
                meanwhile()
            running = _await_state(process, own.folder)
        except BaseException:
            if process is not None:
                _end(process)
            raise
    listener.close()
    own.hand_over()
    return process, running


def _spawn(own: Claim, listener: socket.socket, options: LocalAwsOptions, *, lifeline: bool) -> subprocess.Popen[bytes]:
    # Everybody can read a command line, and the backend's URL may have a password in it.
    _private_file(own.folder / OPTIONS).write(json.dumps(asdict(options)).encode())
    command = [sys.executable, "-m", "harness.local_aws.server", "--folder", str(own.folder)]
    command += ["--lock", str(own.descriptor), "--listener", str(listener.fileno())]
    if lifeline:
        command.append("--lifeline")
    with _private_file(own.folder / LOG) as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if lifeline else subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(own.descriptor, listener.fileno()),
        )
    own.say("starting", process.pid)
    return process


def _await_state(process: subprocess.Popen[bytes], folder: Path) -> RunningLocalAws:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if running := _read_state(folder):
            return running
        status = process.poll()
        if status in (0, -signal.SIGTERM):
            raise HarnessError("The local AWS was stopped before it was up.")
        if status is not None:
            lines = (folder / LOG).read_text(errors="replace").strip().splitlines()
            raise HarnessError(lines[-1] if lines else "The local AWS ended at once and said nothing.")
        time.sleep(_POLL_SECONDS)
    raise HarnessError(f"The local AWS did not come up within {_START_SECONDS} s.")


def _private_file(path: Path) -> BinaryIO:
    """A new file that only its owner can read, whatever the umask is."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)
    return open(descriptor, "wb")  # noqa: PTH123 - a descriptor has no path; the caller closes it


def _end(process: subprocess.Popen[bytes]) -> None:
    interrupts.end_process(process, _STOP_SECONDS)
    if process.stdin is not None:
        process.stdin.close()


def stop(port: int) -> bool:
    """Stops the local AWS on a port, also one that is just coming up, and waits until it is gone.

    Returns False if there was none. Raises HarnessError if the state folder is another user's, or if the local AWS
    stays.
    """
    folder = state_folder(port)
    find(port)  # removes what a local AWS left that was killed
    deadline = time.monotonic() + 2 * _STOP_SECONDS
    stopped = False
    with interrupts.defer_signals():
        while is_claimed(folder):
            holder = holder_of(folder)
            if holder is not None and has_lock(holder.pid, folder):
                stopped = True
                _terminate(holder.pid)
            if time.monotonic() > deadline:
                raise HarnessError(_is_up(port, holder))
            time.sleep(_POLL_SECONDS)
        find(port)
    return stopped


def _terminate(pid: int) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(5)
