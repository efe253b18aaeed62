"""model.tar.gz from S3, unpacked where SageMaker unpacks it."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from harness.hosting.model_data import ModelDataError, S3Source, fetch, source_of, unpack
from tests.support import Aws, unique


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def test_members_land_below_the_model_folder(tmp_path: Path) -> None:
    unpack(archive(tmp_path / "m.tar.gz", {"model.pth": b"w", "code/inference.py": b"x = 1"}), tmp_path / "model")
    assert (tmp_path / "model" / "code" / "inference.py").read_bytes() == b"x = 1"


@pytest.mark.parametrize("name", ["../outside", "/etc/outside", "code/../../outside"])
def test_a_member_that_would_land_outside_is_refused(tmp_path: Path, name: str) -> None:
    hostile = archive(tmp_path / "m.tar.gz", {name: b"x"})
    try:
        unpack(hostile, tmp_path / "deep" / "model")
    except ModelDataError as error:
        assert "unsafe member" in str(error)
    assert not list(tmp_path.glob("outside")) and not (tmp_path / "deep" / "outside").exists()
    assert not Path("/etc/outside").exists()


@pytest.mark.parametrize("content", [b"", b"not a tar", b"\x1f\x8b\x08\x00broken"])
def test_what_is_no_archive(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.tar.gz").write_bytes(content)
    with pytest.raises(ModelDataError, match=r"Please ensure .* is a valid tar\.gz archive"):
        unpack(tmp_path / "m.tar.gz", tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_a_truncated_archive(tmp_path: Path) -> None:
    whole = archive(tmp_path / "m.tar.gz", {"model.pth": bytes(range(256)) * 4000})
    whole.write_bytes(whole.read_bytes()[:500])
    with pytest.raises(ModelDataError, match="Failed to extract model data archive from URL"):
        unpack(whole, tmp_path / "model")


@pytest.fixture
def bucket(aws: Aws) -> str:
    name = unique("bucket")
    aws.client("s3").create_bucket(Bucket=name)
    for key, body in {"m/model.tar.gz": b"", "m/files/": b"", "m/files/w.pth": b"w", "m/files/code/i.py": b"x"}.items():
        aws.client("s3").put_object(Bucket=name, Key=key, Body=body)
    return name


def laid_out(aws: Aws, folder: Path, source: S3Source) -> dict[str, bytes]:
    data = fetch(aws.local.backend, source, folder / "data")
    data.lay_out(folder / "model")
    return {str(file.relative_to(folder / "model")): file.read_bytes() for file in (folder / "model").rglob("*.*")}


def test_an_archive_from_s3(aws: Aws, bucket: str, tmp_path: Path) -> None:
    packed = archive(tmp_path / "m.tar.gz", {"model.pth": b"w"}).read_bytes()
    aws.client("s3").put_object(Bucket=bucket, Key="m/model.tar.gz", Body=packed)
    assert laid_out(aws, tmp_path, S3Source(f"s3://{bucket}/m/model.tar.gz")) == {"model.pth": b"w"}


def test_every_object_below_a_prefix_as_it_is(aws: Aws, bucket: str, tmp_path: Path) -> None:
    """S3DataType S3Prefix with CompressionType None (botocore, S3ModelDataSource)."""
    model_dir = laid_out(aws, tmp_path, S3Source(f"s3://{bucket}/m/files/", "S3Prefix", "None"))
    assert model_dir == {"w.pth": b"w", "code/i.py": b"x"}


def test_one_object_as_it_is(aws: Aws, bucket: str, tmp_path: Path) -> None:
    assert laid_out(aws, tmp_path, S3Source(f"s3://{bucket}/m/files/w.pth", "S3Object", "None")) == {"w.pth": b"w"}


def test_a_key_that_leads_outside_is_refused(aws: Aws, bucket: str, tmp_path: Path) -> None:
    aws.client("s3").put_object(Bucket=bucket, Key="evil/../../../outside.txt", Body=b"x")
    with pytest.raises(ModelDataError, match="leads outside"):
        fetch(aws.local.backend, S3Source(f"s3://{bucket}/evil/", "S3Prefix", "None"), tmp_path / "data")
    assert not list(tmp_path.rglob("outside.txt"))


@pytest.mark.parametrize(("kind", "compression"), [("S3Object", "Gzip"), ("S3Object", "None"), ("S3Prefix", "None")])
def test_what_is_not_there(aws: Aws, bucket: str, tmp_path: Path, kind: Any, compression: Any) -> None:
    with pytest.raises(ModelDataError, match="Could not find model data at s3://"):
        fetch(aws.local.backend, S3Source(f"s3://{bucket}/none", kind, compression), tmp_path / "data")


@pytest.mark.parametrize("url", ["https://bucket/key", "s3://", "s3://bucket", "model.tar.gz"])
def test_what_is_no_s3_url(aws: Aws, tmp_path: Path, url: str) -> None:
    with pytest.raises(ModelDataError, match="must be at s3://BUCKET/KEY"):
        fetch(aws.local.backend, S3Source(url), tmp_path / "data")


def test_where_a_container_says_its_data_is() -> None:
    described = {"S3Uri": "s3://b/p/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    assert source_of({"ModelDataSource": {"S3DataSource": described}}) == S3Source("s3://b/p/", "S3Prefix", "None")
    assert source_of({"ModelDataUrl": "s3://b/m.tar.gz"}) == S3Source("s3://b/m.tar.gz", "S3Object", "Gzip")
    assert source_of({"Image": "image"}) is None
