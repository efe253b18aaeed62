"""The folder of one run: its sockets, TorchServe's configuration and temporary files. It is gone when the run is."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "sagemaker-model-server-"
_SETTLED_SECONDS = 10.0  # A younger folder may be one whose run has not locked it yet.


@dataclass(frozen=True, slots=True)
class RunDir:
    """path: the folder, readable by its owner only.

    sockets: the same folder under a short name. A Unix socket's path is limited to 107 bytes, which a folder inside
    somebody's project easily exceeds; through the launcher's own descriptor it is short everywhere, for all processes
    of this user.
    """

    path: Path
    sockets: Path


@contextmanager
def run_dir(work_dir: Path | None) -> Iterator[RunDir]:
    """A new folder in ``work_dir``, or in the system's temporary folder, where it also clears what killed runs left."""
    if work_dir is None:
        _sweep(Path(tempfile.gettempdir()))
    created = work_dir is not None and not work_dir.exists()
    if work_dir is not None:
        work_dir.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=work_dir))
    descriptor = _locked(path)
    try:
        yield RunDir(path, Path(f"/proc/{os.getpid()}/fd/{descriptor}"))
    finally:
        os.close(descriptor)
        shutil.rmtree(path, ignore_errors=True)
        if created and work_dir is not None:
            with suppress(OSError):  # Not ours alone any more.
                work_dir.rmdir()


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # Its run lives, or somebody else was faster, or it is another user's.
            if time.time() - left.stat().st_mtime > _SETTLED_SECONDS:
                os.close(_locked(left))
                shutil.rmtree(left)


def _locked(folder: Path) -> int:
    """The folder's descriptor with a lock that lives as long as this process; BlockingIOError when another holds it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
