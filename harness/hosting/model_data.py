"""Brings a model's data from S3 onto disk, laid out as SageMaker does below /opt/ml/model."""

from __future__ import annotations

import errno
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core import folders
from harness.hosting import errors
from model_server.archive import UnsafeMemberError, find_fault
from model_server.archive import unpack as unpack_archive


class ModelDataError(Exception):
    """The model data cannot be downloaded or unpacked. The text is a sentence for FailureReason."""


@dataclass(frozen=True, slots=True)
class S3Source:
    """Where a container's model data is (botocore, ModelDataUrl and S3ModelDataSource).

    compression: ``Gzip`` is one tar.gz. ``None`` is uncompressed: one object, or every object below a prefix.
    """

    uri: str
    data_type: Literal["S3Prefix", "S3Object"] = "S3Object"
    compression: Literal["None", "Gzip"] = "Gzip"


@dataclass(frozen=True, slots=True)
class ModelData:
    """Model data on this machine. path: a tar.gz if it is packed, else the folder of the files; url: their source."""

    path: Path
    packed: bool
    url: str

    def lay_out(self, target: Path) -> None:
        """Fills ``target``, one instance's own /opt/ml/model. Raises ModelDataError."""
        if self.packed:
            unpack(self.path, target, self.url)
        else:
            shutil.copytree(self.path, target)


def source_of(container: Mapping[str, Any]) -> S3Source | None:
    """A container's source of model data; None if it has none."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source:
        return S3Source(source["S3Uri"], source["S3DataType"], source["CompressionType"])
    return S3Source(container["ModelDataUrl"]) if container.get("ModelDataUrl") else None


def check(backend: Backend, source: S3Source) -> None:
    """Raises ModelDataError, in the words of CreateModel's refusal, if a source holds nothing."""
    bucket, key = _place(source.uri)
    client = backend.client("s3")
    try:
        if source.data_type == "S3Object":
            client.head_object(Bucket=bucket, Key=key)
        elif not client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"):
            raise ModelDataError(errors.MODEL_DATA_MISSING.format(source.uri))
    except ClientError as error:
        raise _refused(source.uri, error) from None


def fetch(backend: Backend, source: S3Source, folder: Path) -> ModelData:
    """Downloads a source into a new ``folder``. Raises ModelDataError."""
    bucket, key = _place(source.uri)
    folder.mkdir(parents=True)
    client = backend.client("s3")
    try:
        if source.compression == "Gzip":
            client.download_file(bucket, key, str(folder / "model.tar.gz"))
            return ModelData(folder / "model.tar.gz", packed=True, url=source.uri)
        files = folder / "files"
        files.mkdir()
        names = {key: Path(key).name} if source.data_type == "S3Object" else _below(client, bucket, key)
        if not names:
            raise ModelDataError(errors.MODEL_DATA_MISSING.format(source.uri))
        for name, relative in names.items():
            if fault := find_fault(relative):
                raise ModelDataError(errors.KEY_UNUSABLE.format(fault))
            target = (files / relative).resolve()
            if not target.is_relative_to(files.resolve()):
                raise ModelDataError(errors.KEY_OUTSIDE.format(name))
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, name, str(target))
    except ClientError as error:
        raise _refused(source.uri, error) from None
    except (BotoCoreError, OSError) as error:
        raise ModelDataError(errors.DOWNLOAD_FAILED.format(source.uri, error)) from None
    return ModelData(files, packed=False, url=source.uri)


def unpack(archive: Path, target: Path, url: str = "") -> None:
    """Unpacks a gzipped tar into ``target``. url: where the archive is from.

    Raises ModelDataError for a broken archive, and for one with a member that would land outside of ``target``.
    """
    target.mkdir(parents=True)
    try:
        unpack_archive(archive, target)
    except UnsafeMemberError as error:
        folders.remove(target)
        raise ModelDataError(errors.MEMBER_UNSAFE.format(error)) from None
    except (tarfile.TarError, EOFError, OSError, ValueError, zlib.error) as error:
        folders.remove(target)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelDataError(errors.NO_SPACE.format(error.strerror)) from None
        raise ModelDataError(errors.ARCHIVE_BROKEN.format(url or archive, error)) from None


def _place(uri: str) -> tuple[str, str]:
    url = urlparse(uri)
    if url.scheme != "s3" or not url.netloc or not url.path.strip("/"):
        raise ModelDataError(errors.MODEL_DATA_ELSEWHERE.format(uri))
    return url.netloc, url.path.lstrip("/")


def _below(client: Any, bucket: str, prefix: str) -> dict[str, str]:
    """The keys below a prefix, each with its path relative to it, without the placeholders of folders."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
    return {key: key[len(prefix) :].lstrip("/") or Path(key).name for key in keys if not key.endswith("/")}


def _refused(uri: str, error: ClientError) -> ModelDataError:
    code = error.response["Error"].get("Code", "")
    if code in ("404", "NoSuchKey", "NoSuchBucket"):
        return ModelDataError(errors.MODEL_DATA_MISSING.format(uri))
    return ModelDataError(errors.MODEL_DATA_DENIED.format(uri, code))
