"""A model's data from S3 onto disk, as SageMaker lays it out below /opt/ml/model."""

from __future__ import annotations

import errno
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from model_server.archive import UnsafeMemberError
from model_server.archive import unpack as unpack_archive


class ModelDataError(Exception):
    """The model data cannot be had or unpacked; the text is a sentence for FailureReason."""


@dataclass(frozen=True, slots=True)
class S3Source:
    """Where a container's model data is (botocore, ModelDataUrl and S3ModelDataSource).

    compression: ``Gzip`` is one tar.gz; ``None`` is what lies there as it is: every object below a prefix, or the one.
    """

    uri: str
    data_type: Literal["S3Prefix", "S3Object"] = "S3Object"
    compression: Literal["None", "Gzip"] = "Gzip"


@dataclass(frozen=True, slots=True)
class ModelData:
    """Model data on this machine. path: a tar.gz, or the folder that holds the files as they were; url: where from."""

    path: Path
    packed: bool
    url: str

    def lay_out(self, target: Path) -> None:
        """Makes ``target`` one instance's own /opt/ml/model. Raises ModelDataError."""
        if self.packed:
            unpack(self.path, target, self.url)
        else:
            shutil.copytree(self.path, target)


def source_of(container: Mapping[str, Any]) -> S3Source | None:
    """A container's source of model data; None for one without."""
    described = container.get("ModelDataSource", {}).get("S3DataSource")
    if described:
        return S3Source(described["S3Uri"], described["S3DataType"], described["CompressionType"])
    return S3Source(container["ModelDataUrl"]) if container.get("ModelDataUrl") else None


def check(backend: Backend, source: S3Source) -> None:
    """Raises ModelDataError where a source holds nothing, in the words of CreateModel's refusal (public logs)."""
    bucket, key = _place(source.uri)
    client = backend.client("s3")
    try:
        if source.data_type == "S3Object":
            client.head_object(Bucket=bucket, Key=key)
        elif not client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents"):
            raise ModelDataError(_missing(source.uri))
    except ClientError as error:
        raise _refused(source.uri, error) from None


def fetch(backend: Backend, source: S3Source, folder: Path) -> ModelData:
    """Downloads a source into ``folder``, which is new. Raises ModelDataError."""
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
            raise ModelDataError(_missing(source.uri))
        for name, relative in names.items():
            target = (files / relative).resolve()
            if not target.is_relative_to(files.resolve()):
                raise ModelDataError(f"Failed to download model data: the key {name} leads outside of the model.")
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, name, str(target))
    except ClientError as error:
        raise _refused(source.uri, error) from None
    except (BotoCoreError, OSError) as error:
        raise ModelDataError(f"Failed to download model data from {source.uri}: {error}.") from None
    return ModelData(files, packed=False, url=source.uri)


def unpack(archive: Path, target: Path, url: str = "") -> None:
    """Unpacks a gzipped tar from ``url`` into ``target``; a member that would land outside is refused.

    Raises ModelDataError.
    """
    target.mkdir(parents=True)
    try:
        unpack_archive(archive, target)
    except UnsafeMemberError as error:
        shutil.rmtree(target)
        raise ModelDataError(f"Failed to extract model data: the archive has an unsafe member ({error}).") from None
    except (tarfile.TarError, EOFError, OSError) as error:
        shutil.rmtree(target)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ModelDataError(f"Failed to extract model data: {error.strerror}; free some, or set TMPDIR.") from None
        # SageMaker's two sentences, as printed in public logs; the reason behind them is ours.
        raise ModelDataError(
            f'Failed to extract model data archive from URL "{url or archive}". Please ensure that the object located '
            f"at the URL is a valid tar.gz archive. ({error}; `tar czf model.tar.gz -C FOLDER .` makes one.)"
        ) from None


def _place(uri: str) -> tuple[str, str]:
    found = urlparse(uri)
    if found.scheme != "s3" or not found.netloc or not found.path.strip("/"):
        raise ModelDataError(f"Model data must be at s3://BUCKET/KEY, not {uri}.")
    return found.netloc, found.path.lstrip("/")


def _below(client: Any, bucket: str, prefix: str) -> dict[str, str]:
    """The keys below a prefix, each with its path relative to it; a folder's own placeholder is left out."""
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]
    return {key: key[len(prefix) :].lstrip("/") or Path(key).name for key in keys if not key.endswith("/")}


def _missing(uri: str) -> str:
    # SageMaker's own sentence, as printed in public logs of CreateModel.
    return f"Could not find model data at {uri}."


def _refused(uri: str, error: ClientError) -> ModelDataError:
    code = error.response["Error"].get("Code", "")
    if code in ("404", "NoSuchKey", "NoSuchBucket"):
        return ModelDataError(_missing(uri))
    return ModelDataError(f"Could not access model data at {uri}: S3 answered {code}.")
