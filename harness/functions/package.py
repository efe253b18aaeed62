"""The deployment package of a function: checks and unpacks the uploaded zip as Lambda does."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import stat
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from botocore.exceptions import ClientError

from harness.backend.client import Backend
from harness.core import folders
from harness.core.errors import AwsError
from harness.functions import errors
from model_server.archive import MOST_PATH_BYTES, find_fault

# What a member may be: a file, a folder or a link, or whatever a zip without Unix modes has. A device or a pipe has no
# content to unpack; what AWS says of one is unverified.
_KINDS = (0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK)


@dataclass(frozen=True, slots=True)
class Package:
    """A deployment package. sha256: base64, as in AWS's CodeSha256."""

    content: bytes

    @property
    def sha256(self) -> str:
        return base64.b64encode(hashlib.sha256(self.content).digest()).decode()

    @property
    def size(self) -> int:
        return len(self.content)

    @property
    def unpacked_size(self) -> int:
        """Bytes of its files as the zip declares them. Raises AwsError if the content is not a zip."""
        try:
            with _opened(self.content) as archive:
                return sum(member.file_size for member in archive.infolist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:  # ValueError: a negative offset
            raise errors.invalid(errors.BAD_ZIP) from error

    def unpack(self, folder: Path) -> None:
        """Write the code to a new folder, read-only like /var/task and for this user only.

        Raises AwsError, and then leaves no folder.
        """
        try:
            with _opened(self.content) as archive:
                members = archive.infolist()
                _check(members)
                folder.mkdir(parents=True)
                # Links come last, so that no file is written through one.
                for member in sorted(members, key=_is_link):
                    _extract(archive, member, folder)
                _check_links(folder)
        except AwsError:
            folders.remove(folder)
            raise
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
            folders.remove(folder)  # RuntimeError: an encrypted member; NotImplementedError: an unknown compression
            raise errors.invalid(errors.BAD_ZIP) from error
        except FileExistsError as error:  # a link has the name of another member
            folders.remove(folder)
            raise errors.invalid(errors.BAD_ZIP) from error
        except OSError as error:
            folders.remove(folder)
            raise errors.service(
                f"The code could not be unpacked: {error.strerror}; free space and try again."
            ) from error
        _protect(folder)


async def read(backend: Backend, code: Mapping[str, Any]) -> Package:
    """Read the package of a request: its ZipFile, or an object in the backend's S3. Raises AwsError."""
    content = code.get("ZipFile")
    if content is not None:
        if code.get("S3Bucket") or code.get("S3Key"):
            raise errors.invalid(errors.CODE_TWICE)
        if len(content) > errors.ZIPPED_LIMIT:
            raise errors.zip_too_large()
        return Package(bytes(content))
    if not code.get("S3Bucket") or not code.get("S3Key"):
        raise errors.invalid(errors.CODE_MISSING)
    return Package(await _read_s3(backend, code))


async def _read_s3(backend: Backend, code: Mapping[str, Any]) -> bytes:
    version = {"VersionId": code["S3ObjectVersion"]} if code.get("S3ObjectVersion") else {}
    try:
        size = await backend.call("s3", "head_object", Bucket=code["S3Bucket"], Key=code["S3Key"], **version)
        # A package in S3 may be larger than one in a request; only its unpacked size is limited.
        if size["ContentLength"] > errors.UNZIPPED_LIMIT:
            raise errors.invalid(errors.UNZIPPED_TOO_LARGE)
        stored = await backend.call("s3", "get_object", Bucket=code["S3Bucket"], Key=code["S3Key"], **version)
    except ClientError:
        # The answer to HEAD has no error text; the answer to GET does.
        try:
            stored = await backend.call("s3", "get_object", Bucket=code["S3Bucket"], Key=code["S3Key"], **version)
        except ClientError as error:
            raise errors.s3_object(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
    content: bytes = stored["Body"].read()
    return content


def _opened(content: bytes) -> zipfile.ZipFile:
    """The zip, if its directory is not too large to be read. Raises AwsError, or what zipfile.ZipFile raises."""
    if _directory_size(content) > errors.ZIP_DIRECTORY_LIMIT:
        raise errors.invalid(errors.BAD_ZIP)
    return zipfile.ZipFile(io.BytesIO(content))


def _directory_size(content: bytes) -> int:
    """The bytes of a zip's directory as its end says, which zipfile reads as a whole; 0 if there is no end (PKWARE's
    APPNOTE, 4.3.14 to 4.3.16)."""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - 22 - 65_535))
    if end < 0 or len(content) < end + 22:
        return 0
    size = int.from_bytes(content[end + 12 : end + 16], "little")
    zip64 = end - 20 - 56  # its own end and the locator of that stand before it
    if zip64 >= 0 and content[zip64 : zip64 + 4] == b"PK\x06\x06":
        size = max(size, int.from_bytes(content[zip64 + 40 : zip64 + 48], "little"))
    return size


def _check(members: list[zipfile.ZipInfo]) -> None:
    if not members:
        raise errors.invalid(errors.EMPTY_ZIP)
    if sum(member.file_size for member in members) >= errors.UNZIPPED_LIMIT:
        raise errors.invalid(errors.UNZIPPED_TOO_LARGE)
    for member in members:
        path = PurePosixPath(member.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or find_fault(str(path)):
            raise errors.invalid(errors.BAD_ZIP)
        if stat.S_IFMT(member.external_attr >> 16) not in _KINDS:
            raise errors.invalid(errors.BAD_ZIP)
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # unverified: what others do on AWS
            raise errors.invalid(errors.BAD_ZIP)


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, folder: Path) -> None:
    mode = member.external_attr >> 16
    if _is_link(member):
        if member.file_size > MOST_PATH_BYTES:
            raise errors.invalid(errors.BAD_ZIP)
        _link(archive.read(member).decode(errors="surrogateescape"), member, folder)
        return
    target = Path(archive.extract(member, folder))
    if target.is_file():
        target.chmod(0o500 if mode & 0o111 else 0o400)


def _link(destination: str, member: zipfile.ZipInfo, folder: Path) -> None:
    """Create a symbolic link, such as a shared library's. Raises AwsError if it leaves the package."""
    target = folder / member.filename
    expected_parent = folder.resolve() / target.parent.relative_to(folder)
    # Checked before the parent folder is created, because it could be created behind another link.
    if Path(destination).is_absolute() or target.parent.resolve() != expected_parent:
        raise errors.invalid(errors.BAD_ZIP)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(destination)


def _check_links(folder: Path) -> None:
    """Check where the links lead, once all of them exist: one link may lead through another. Raises AwsError."""
    root = folder.resolve()
    for parent, inner, files in os.walk(folder):
        for name in (*inner, *files):
            path = Path(parent) / name
            if path.is_symlink() and not _lands_in(path, root):
                raise errors.invalid(errors.BAD_ZIP)


def _lands_in(link: Path, root: Path) -> bool:
    try:
        return link.resolve().is_relative_to(root)
    except (OSError, RuntimeError):  # a link that points to itself
        return False


def _protect(folder: Path) -> None:
    for root, _, _ in os.walk(folder):
        Path(root).chmod(0o500)
