"""An environment's /tmp: of its own where the machine allows that, and no larger than the function's ephemeral storage.

Where a mount namespace can be made and nothing that the code needs lies under the machine's /tmp, the environment's
own folder is mounted on /tmp. Elsewhere TMPDIR names that folder: code that writes to ``/tmp/...`` literally then
shares the machine's /tmp with every other environment.

The size is held by a limit on each file and by watching the folder: once it is full, files cannot grow. The handler
sees OSError 27 (File too large) where AWS has 28 (No space left on device).
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

TMP = Path("/tmp")  # noqa: S108 - the machine's own, which is hidden from the functions
MEGABYTE = 1_048_576
_WATCH_SHARE = 0.02  # ours: of the time, for looking through large folders


def can_be_private(workspace: Path) -> bool:
    """Whether each can have a /tmp of its own: nothing that it runs from is below it, and the kernel allows it."""
    needed = (workspace, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable), Path(__file__))
    if any(path.resolve().is_relative_to(TMP) or path.is_relative_to(TMP) for path in needed):
        return False
    probe = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; bootstrap.mount(sys.argv[2], sys.argv[2])"
    with tempfile.TemporaryDirectory(dir=workspace) as folder:
        arguments = [sys.executable, "-c", probe, str(Path(__file__).parent), folder]
        tried = subprocess.run(arguments, capture_output=True, timeout=30, check=False)
    return tried.returncode == 0


def used(folder: Path) -> int:
    """Bytes on disk below a folder."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


class StorageWatch:
    """Holds one environment's folder below its size, in bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._full = False
        self._next = 0.0

    def look(self, pids: Iterable[int]) -> None:
        """Let no file of these processes grow while the folder is full."""
        started = time.monotonic()
        if started < self._next:
            return
        full = used(self._folder) >= self._size
        now = time.monotonic()
        self._next = now + (now - started) / _WATCH_SHARE
        if full or self._full:
            for pid in filter(None, pids):  # 0, a process that is gone, would be the harness itself
                with contextlib.suppress(OSError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else self._size, self._size))
        self._full = full
