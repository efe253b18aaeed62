"""The /tmp of an environment: private if the machine allows it, and limited to the function's ephemeral storage.

The environment's own folder is mounted on /tmp if a mount namespace can be created and nothing that the code needs is
under the machine's /tmp. Otherwise TMPDIR names that folder, and code that writes to ``/tmp/...`` literally shares the
machine's /tmp with all other environments.

Two things enforce the size: a limit on each file, and a watch on the folder that stops all files from growing once it
is full. The handler then sees OSError 27 (File too large); on AWS it would see 28 (No space left on device).
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

TMP = Path("/tmp")  # noqa: S108 - the machine's own /tmp, which functions do not see
_WATCH_SHARE = 0.02  # ours: share of the time spent on measuring large folders


def can_be_private(workspace: Path) -> bool:
    """Whether environments can have a private /tmp: the kernel allows it, and no needed file is under /tmp."""
    needed = (workspace, Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable), Path(__file__))
    if any(path.resolve().is_relative_to(TMP) or path.is_relative_to(TMP) for path in needed):
        return False
    probe = "import sys; sys.path.insert(0, sys.argv[1]); import bootstrap; bootstrap.mount(sys.argv[2], sys.argv[2])"
    with tempfile.TemporaryDirectory(dir=workspace) as folder:
        arguments = [sys.executable, "-c", probe, str(Path(__file__).parent), folder]
        completed = subprocess.run(arguments, capture_output=True, timeout=30, check=False)
    return completed.returncode == 0


def used(folder: Path) -> int:
    """Bytes on disk that a folder takes."""
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
    """Limits one environment's folder to a size in bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder = folder
        self._size = size
        self._full = False
        self._next = 0.0

    def look(self, pids: Iterable[int]) -> None:
        """Measure the folder. While it is full, no file of these processes can grow."""
        started = time.monotonic()
        if started < self._next:
            return
        full = used(self._folder) >= self._size
        now = time.monotonic()
        self._next = now + (now - started) / _WATCH_SHARE
        if full or self._full:
            for pid in filter(None, pids):  # 0: the process has ended; prlimit would limit the harness itself
                with contextlib.suppress(OSError):
                    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if full else self._size, self._size))
        self._full = full
