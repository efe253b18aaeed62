"""Folders whose contents somebody else wrote: removed whatever is in them, and bounded in what may be put there."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


def remove(folder: Path) -> None:
    """Removes a folder with everything in it; also folders thousands deep, and those that nobody may read or write.

    What cannot be removed is left there, without an error. shutil.rmtree() fails on a deep folder: it needs a level of
    recursion and an open file for each level. This moves every folder that it finds up to the top, so that none is
    deep when its turn comes.
    """
    try:
        root = _open(str(folder))
    except OSError:
        with contextlib.suppress(OSError):
            folder.unlink()  # a file, or a link to a folder
        return
    try:
        _empty(root)
    finally:
        os.close(root)
    with contextlib.suppress(OSError):
        folder.rmdir()


def _empty(root: int) -> None:
    """Removes everything in the open folder ``root``."""
    found = _clear(root, root)
    while found:
        name = found.pop()
        with contextlib.suppress(OSError):
            opened = _open(name, root)
            try:
                found += _clear(opened, root)
            finally:
                os.close(opened)
            os.rmdir(name, dir_fd=root)


def _clear(folder: int, root: int) -> list[str]:
    """Removes the files in the open ``folder`` and moves its folders to ``root``; the folders' names there."""
    moved = []
    for name in os.listdir(folder):
        with contextlib.suppress(OSError):
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=folder)
                continue
            new = name
            if folder != root:
                new = f".removed-{status.st_dev}-{status.st_ino}"
                os.chmod(name, 0o700, dir_fd=folder)  # to move a folder, its own entry for the one above is rewritten
                os.rename(name, new, src_dir_fd=folder, dst_dir_fd=root)
            moved.append(new)
    return moved


def _open(name: str, inside: int | None = None) -> int:
    """Opens a folder for its removal, and no link to one."""
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        opened = os.open(name, flags, dir_fd=inside)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=inside)
        opened = os.open(name, flags, dir_fd=inside)
    with contextlib.suppress(OSError):
        os.fchmod(opened, 0o700)
    return opened
