"""Unpacks model.tar.gz: nothing lands outside of its folder, and nothing in it fills the memory or the path of a file.

On every Python from 3.11.0 on: tarfile's own filter checks once more from 3.11.4 on; Debian 12 has 3.11.2.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

MOST_BYTES = 30 * 2**30
"""The most unpacked bytes: the storage volume of the smallest instances (unverified). It stops a decompression bomb."""
MOST_MEMBERS = 1_000_000
"""The most members; ours. No model has as many."""
MOST_HEADER_BYTES = 1_048_576
"""The most bytes of one member's headers, which are read into memory: long names, extended (pax) and sparse ones; ours.
A long name is a few hundred bytes."""
MOST_LEVELS = 100
"""The most folders above a file; ours. A tool that works by recursion, such as shutil, fails on a few hundred."""
MOST_NAME_BYTES = 255
"""The most bytes of a file's or folder's own name (Linux, NAME_MAX)."""
MOST_PATH_BYTES = 1_024
"""The most bytes of a member's whole name: as for a key of S3. With its folder it has to fit into Linux's 4,096."""


class UnsafeMemberError(tarfile.TarError):
    """A member that would land outside the target, is no file, folder or link, or exceeds a limit: see the message."""


def unpack(archive: Path, target: Path) -> None:
    """Unpacks a tar, gzipped or not, into the folder ``target``.

    Raises UnsafeMemberError before a hostile member is written, another tarfile.TarError or EOFError for a broken
    archive, and OSError.
    """
    root = target.resolve()
    with archive.open("rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        packed: Any = gzip.GzipFile(fileobj=file) if gzipped else file
        source = _Headers(packed)
        # A buffered reader would hide from _Headers how much tarfile wants at once.
        with tarfile.open(fileobj=source, mode="r:") as tar:
            for member in _safe(tar, root, source):
                # A folder's own mode and times are not set, because a read-only one would take no files.
                tar.extract(member, root, set_attrs=not member.isdir(), **_FILTER)


def find_fault(name: str) -> str | None:
    """What keeps a path inside an archive or a prefix from being written, as a sentence's end; None if nothing does."""
    parts = PurePosixPath(name).parts
    shown = name if len(name) <= 60 else f"{name[:57]}..."
    if len(parts) > MOST_LEVELS:
        return f"{shown!r} is more than {MOST_LEVELS} folders deep"
    if len(_encoded(name)) > MOST_PATH_BYTES:
        return f"{shown!r} is longer than {MOST_PATH_BYTES:,} bytes"
    if any(len(_encoded(part)) > MOST_NAME_BYTES for part in parts):
        return f"{shown!r} has a part that is longer than {MOST_NAME_BYTES} bytes"
    if "\0" in name:
        return f"{shown!r} has a NUL"
    return None


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


class _Headers(io.RawIOBase):
    """A source for tarfile that gives no member more than MOST_HEADER_BYTES of headers.

    tarfile reads an extended header as a whole, however large it says it is.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._left: int | None = MOST_HEADER_BYTES

    def header_follows(self) -> None:
        self._left = MOST_HEADER_BYTES

    def content_follows(self) -> None:
        self._left = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._left is not None:
            if not 0 <= size <= self._left:
                raise UnsafeMemberError(f"a member's headers have more than {MOST_HEADER_BYTES:,} bytes")
            self._left -= size
        return self._source.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._source.seek(offset, whence)

    def tell(self) -> int:
        return self._source.tell()


def _safe(tar: tarfile.TarFile, root: Path, source: _Headers) -> Iterator[tarfile.TarInfo]:
    members: Any = tar.members  # type: ignore[attr-defined]
    size = number = 0
    while True:
        source.header_follows()
        member = tar.next()
        if member is None:
            return
        members.clear()  # a list of all would be a gigabyte for a million members
        number += 1
        size += member.size
        if size > MOST_BYTES or number > MOST_MEMBERS:
            raise UnsafeMemberError(f"more than {MOST_BYTES:,} bytes or {MOST_MEMBERS:,} files at {member.name!r}")
        _check(member, root)
        source.content_follows()
        yield member


def _check(member: tarfile.TarInfo, root: Path) -> None:
    links = [member.linkname] if member.issym() or member.islnk() else []
    for name in (member.name, *links):
        if fault := find_fault(name):
            raise UnsafeMemberError(fault)
    places = [root / member.name]
    if member.issym():
        places.append((root / member.name).parent / member.linkname)
    elif member.islnk():
        places.append(root / member.linkname)
    elif not (member.isfile() or member.isdir()):
        raise UnsafeMemberError(f"{member.name!r} is neither a file nor a folder")
    if Path(member.name).is_absolute() or not all(place.resolve().is_relative_to(root) for place in places):
        raise UnsafeMemberError(f"{member.name!r} would land outside the model's folder")


_FILTER: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
