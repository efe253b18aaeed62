"""Folders that only their owner can enter, whatever the umask is, and nobody else has prepared.

The module is here because the model server imports nothing of ``harness``, which uses it too.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from pathlib import Path

FOLDER_MODE = 0o700
UMASK = 0o077
"""For the processes that keep private files."""


class ForeignFolderError(OSError):
    """A folder is another user's, or a link stands in its place. The text says which, and whose."""


def private_folder(folder: Path) -> Path:
    """Makes a folder, and those above it that are missing, with mode 0700. An own one that exists gets that mode.

    Raises ForeignFolderError for a folder of another user and for a link, and OSError.
    """
    missing = []
    above = folder.absolute()
    while not os.path.lexists(above):
        missing.append(above)
        above = above.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another process was faster
            new.mkdir(FOLDER_MODE)
            new.chmod(FOLDER_MODE)  # a umask may have taken the owner's own rights
    close_to_others(folder)
    return folder


def close_to_others(folder: Path) -> None:
    """Gives a folder mode 0700. Raises ForeignFolderError for another user's and for a link, and OSError."""
    descriptor = open_own(folder)
    try:
        if stat.S_IMODE(os.fstat(descriptor).st_mode) != FOLDER_MODE:
            os.fchmod(descriptor, FOLDER_MODE)
    finally:
        os.close(descriptor)


def open_own(folder: Path) -> int:
    """A descriptor of a folder. Raises ForeignFolderError for another user's and for a link, and OSError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (NotADirectoryError, PermissionError):
        reason = _foreign(os.lstat(folder))
        if reason is None:
            raise
        raise ForeignFolderError(f"{folder} {reason}") from None
    reason = _foreign(os.fstat(descriptor))
    if reason is not None:
        os.close(descriptor)
        raise ForeignFolderError(f"{folder} {reason}")
    return descriptor


def check_own(path: Path) -> None:
    """Raises ForeignFolderError if ``path`` is another user's folder, or no folder. One that is missing is no error."""
    with contextlib.suppress(FileNotFoundError):
        reason = _foreign(os.lstat(path))
        if reason is not None:
            raise ForeignFolderError(f"{path} {reason}")


def _foreign(status: os.stat_result) -> str | None:
    """Why a folder with this status is not used; None if it is."""
    if stat.S_ISLNK(status.st_mode):
        return "is a link"
    if not stat.S_ISDIR(status.st_mode):
        return "is not a folder"
    if status.st_uid != os.geteuid():
        try:
            return f"belongs to {pwd.getpwuid(status.st_uid).pw_name}"
        except KeyError:
            return f"belongs to user id {status.st_uid}"
    return None
