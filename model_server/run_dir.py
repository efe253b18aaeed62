"""The folder of one run, for its sockets, TorchServe's configuration and temporary files; removed with the run."""

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

from model_server.private import open_own

_PREFIX = "sagemaker-model-server-"
_SETTLED_SECONDS = 10.0  # The run of a younger folder may not have locked it yet.


@dataclass(frozen=True, slots=True)
class RunDir:
    """The folder of one run.

    path: the folder, readable by its owner only.
    sockets: the same folder under a short name. A Unix socket's path is limited to 107 bytes, which a folder inside a
    project easily exceeds. Through the launcher's own descriptor it is short, for all processes of this user.
    """

    path: Path
    sockets: Path


@contextmanager
def run_dir(work_dir: Path | None) -> Iterator[RunDir]:
    """A new folder in ``work_dir`` or in the system's temporary folder, where it also removes what killed runs left."""
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
            with suppress(OSError):  # Somebody else has put something there.
                work_dir.rmdir()


def _sweep(folder: Path) -> None:
    for left in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # Its run lives, another process was faster, or it is another user's.
            if time.time() - left.lstat().st_mtime > _SETTLED_SECONDS:
                os.close(_locked(left))
                shutil.rmtree(left)


def _locked(folder: Path) -> int:
    """The folder's descriptor, locked while this process lives.

    Raises BlockingIOError if another has locked it, and ForeignFolderError if it is another user's or a link to one.
    """
    descriptor = open_own(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
