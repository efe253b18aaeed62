"""The claim of one process on a state folder: a lock that the kernel gives up when the process ends, however it ends.

The lock is on a file in the folder, which says who holds it. The file goes with the folder, and before that nobody else
uses the folder; so a lock on a file that is no longer in its place is worth nothing, and is tried for anew.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import psutil

from harness.core import folders
from model_server.private import check_own, close_to_others, private_folder

LOCK = "lock"
_POLL_SECONDS = 0.01
# A look at a lock holds it for some microseconds, so a lock of nobody is tried for again. On a busy machine a process
# may stand still between its look and the end of it.
_PATIENCE_SECONDS = 1.0

Phase = Literal["starting", "up", "stopping"]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a state folder. since: Unix seconds."""

    pid: int
    since: float
    phase: Phase

    def __str__(self) -> str:
        return f"process {self.pid}, since {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(self.since))}"


class Claimed(Exception):
    """Another process has the folder. holder: None if it has not said yet who it is."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__(f"the folder is claimed by {holder or 'another process'}")
        self.holder = holder


class Claim:
    """A claim that this process has. descriptor: of the locked file; a process that inherits it has the claim too."""

    def __init__(self, folder: Path, descriptor: int) -> None:
        self.folder = folder
        self.descriptor = descriptor

    def say(self, phase: Phase, pid: int | None = None) -> None:
        """Writes down who has the folder: this process, or the one that has inherited the claim."""
        holder = Holder(pid or os.getpid(), time.time(), phase)
        with contextlib.suppress(OSError):  # a full disk does not end what the claim is for
            current = _read(self.descriptor)
            if current is not None and current.pid == holder.pid:
                holder = Holder(holder.pid, current.since, phase)
            content = json.dumps(asdict(holder)).encode()
            os.pwrite(self.descriptor, content.ljust(os.fstat(self.descriptor).st_size), 0)

    def clear(self) -> None:
        """Empties the folder."""
        for entry in self.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                folders.remove(entry)
            elif entry.name != LOCK:
                entry.unlink(missing_ok=True)

    def hand_over(self) -> None:
        """Gives this process's part of the claim up. A process that has inherited it keeps it."""
        os.close(self.descriptor)

    def release(self) -> None:
        """Removes the folder and gives the claim up. Does no more if a process that inherited it was faster."""
        with contextlib.suppress(OSError):
            if _in_place(self.descriptor, self.folder):
                self.clear()
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()
        os.close(self.descriptor)


def claim(folder: Path) -> Claim:
    """Claims a folder, which is made or emptied, for this user only.

    Raises Claimed if another process has it, ForeignFolderError if it is another user's or a link, and OSError.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            private_folder(folder)
            descriptor = _open(folder, os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:  # whoever had the folder has just removed it
            if time.monotonic() > deadline:
                raise
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            if time.monotonic() > deadline:
                raise Claimed(holder) from None
            if holder is not None and has_lock(holder.pid, folder):
                raise Claimed(holder) from None
            time.sleep(_POLL_SECONDS)
            continue
        if _in_place(descriptor, folder):
            os.ftruncate(descriptor, 0)
            own = Claim(folder, descriptor)
            close_to_others(folder)
            own.clear()
            own.say("starting")
            return own
        os.close(descriptor)


def is_claimed(folder: Path) -> bool:
    """Whether a process has the folder. Raises ForeignFolderError if it is another user's or a link."""
    check_own(folder)
    try:
        descriptor = _open(folder, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _in_place(descriptor, folder)
    else:
        return False
    finally:
        os.close(descriptor)


def holder_of(folder: Path) -> Holder | None:
    """Who has the folder; None if nobody has, or if whoever has it has not said so yet."""
    if not is_claimed(folder):
        return None
    with contextlib.suppress(OSError), _opened(folder) as descriptor:
        return _read(descriptor)
    return None


def has_lock(pid: int, folder: Path) -> bool:
    """Whether the process has the folder's lock open. A process that has got the pid of one that ended has not."""
    path = str(folder.resolve() / LOCK)
    try:
        return any(file.path == path for file in psutil.Process(pid).open_files())
    except psutil.Error:
        return False


def _open(folder: Path, flags: int) -> int:
    return os.open(folder / LOCK, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = _open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _in_place(descriptor: int, folder: Path) -> bool:
    """Whether a locked file is still the folder's."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.lstat(folder / LOCK))
    except FileNotFoundError:
        return False


def _read(descriptor: int) -> Holder | None:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except (OSError, ValueError, TypeError):
        return None
