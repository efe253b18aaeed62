"""Unpacks model.tar.gz, and lets nothing land outside of its folder, on every Python from 3.11.0 on."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MOST_BYTES = 30 * 2**30
"""The most unpacked bytes: the storage volume of the smallest instances (unverified). It stops a decompression bomb."""
MOST_MEMBERS = 1_000_000
"""The most members; ours. No model has as many."""


class UnsafeMemberError(tarfile.TarError):
    """A member outside the target, that is neither file, folder nor link, or that exceeds a limit: see the message."""


def unpack(archive: Path, target: Path) -> None:
    """Unpacks a tar, gzipped or not, into the folder ``target``.

    Raises UnsafeMemberError before a hostile member is written, another tarfile.TarError or EOFError for a broken
    archive, and OSError.
    """
    root = target.resolve()
    with tarfile.open(archive, "r:*") as tar:
        tar.extractall(root, members=_safe(tar, root), **_FILTER)  # noqa: S202 - each member is checked


def _safe(tar: tarfile.TarFile, root: Path) -> Iterator[tarfile.TarInfo]:
    # tarfile's own filter checks once more from Python 3.11.4 on; Debian 12 has 3.11.2.
    size = 0
    for number, member in enumerate(tar, 1):
        size += member.size
        if size > MOST_BYTES or number > MOST_MEMBERS:
            raise UnsafeMemberError(f"more than {MOST_BYTES:,} bytes or {MOST_MEMBERS:,} files at {member.name!r}")
        places = [root / member.name]
        if member.issym():
            places.append((root / member.name).parent / member.linkname)
        elif member.islnk():
            places.append(root / member.linkname)
        elif not (member.isfile() or member.isdir()):
            raise UnsafeMemberError(f"{member.name!r} is neither a file nor a folder")
        if Path(member.name).is_absolute() or not all(place.resolve().is_relative_to(root) for place in places):
            raise UnsafeMemberError(f"{member.name!r} would land outside the model's folder")
        yield member


_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
