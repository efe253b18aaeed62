import base64
import hashlib
import io
import stat
import zipfile
from pathlib import Path

import pytest

from harness.backend.client import Backend
from harness.core import folders
from harness.core.errors import AwsError
from harness.functions import errors, package
from harness.functions.package import Package
from tests.functions.conftest import zipped


def archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as zip_file:
        for name, data in members:
            zip_file.writestr(name, data)
    return content.getvalue()


def link(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


def refusal(content: bytes, folder: Path) -> AwsError:
    with pytest.raises(AwsError) as caught:
        Package(content).unpack(folder)
    assert not folder.exists()
    return caught.value


def test_code_is_unpacked_read_only(tmp_path: Path) -> None:
    content = archive(("app.py", b"x = 1"), ("lib/tool.sh", b"#!/bin/sh"))
    Package(content).unpack(tmp_path / "code")
    assert (tmp_path / "code/app.py").read_bytes() == b"x = 1"
    for path in (tmp_path / "code", *(tmp_path / "code").rglob("*")):
        assert path.stat().st_mode & 0o222 == 0
    folders.remove(tmp_path / "code")
    assert not (tmp_path / "code").exists()


def test_the_answer_names_size_and_base64_of_the_sha256() -> None:
    assert Package(b"zip").size == 3
    assert base64.b64decode(Package(b"zip").sha256) == hashlib.sha256(b"zip").digest()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", zipped("x = 1")[:-30], zipped("x = 1")[:60] + bytes(80)],
    ids=["empty", "text", "cut short", "without directory"],
)
def test_content_that_is_not_a_zip_is_refused_in_awss_words(content: bytes, tmp_path: Path) -> None:
    error = refusal(content, tmp_path / "code")
    assert error.code == "InvalidParameterValueException"
    assert error.message == errors.BAD_ZIP


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(archive(("a.py", b"print('hello, hello, hello')" * 20)))
    content[40] ^= 0xFF
    assert refusal(bytes(content), tmp_path / "code").message == errors.BAD_ZIP


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert refusal(archive(), tmp_path / "code").message == "Uploaded file must be a non-empty zip"


@pytest.mark.parametrize("name", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "..\\evil.py"])
def test_a_member_outside_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    assert refusal(archive(("app.py", b""), (name, b"evil")), tmp_path / "code").message == errors.BAD_ZIP
    assert not (tmp_path / "evil.py").exists()


def test_links_inside_the_package_are_kept_and_others_refused(tmp_path: Path) -> None:
    content = archive(("lib/libx.so.1", b"elf"), link("lib/libx.so", "libx.so.1"))
    Package(content).unpack(tmp_path / "code")
    assert (tmp_path / "code/lib/libx.so").read_bytes() == b"elf"
    for target in ("/etc/passwd", "../../outside"):
        assert refusal(archive(link("lib/x", target)), tmp_path / "other").message == errors.BAD_ZIP


def test_unpacked_code_has_less_than_250_megabytes(tmp_path: Path) -> None:
    content = io.BytesIO()
    with (
        zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zip_file,
        zip_file.open("a", "w") as file,
    ):
        for _ in range(250):
            file.write(bytes(1_048_576))
    assert refusal(content.getvalue(), tmp_path / "code").message == (
        "Unzipped size must be smaller than 262144000 bytes"
    )


async def test_a_zip_in_a_request_has_at_most_50_megabytes(backend: Backend) -> None:
    with pytest.raises(AwsError) as caught:
        await package.read(backend, {"ZipFile": bytes(52_428_801)})
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLargeException", 413)
    assert caught.value.message == "Zipped size must be smaller than 52428800 bytes"


async def test_code_from_s3(backend: Backend) -> None:
    await backend.call("s3", "create_bucket", Bucket="packages")
    await backend.call("s3", "put_object", Bucket="packages", Key="dog.zip", Body=b"zip")
    assert (await package.read(backend, {"S3Bucket": "packages", "S3Key": "dog.zip"})).content == b"zip"
    with pytest.raises(AwsError) as caught:
        await package.read(backend, {"S3Bucket": "packages", "S3Key": "cat.zip"})
    assert caught.value.message == (
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
    )
    with pytest.raises(AwsError, match="S3 Error Code: NoSuchBucket"):
        await package.read(backend, {"S3Bucket": "no-such-bucket", "S3Key": "cat.zip"})


async def test_code_has_one_source(backend: Backend) -> None:
    with pytest.raises(AwsError, match="Please provide a source"):
        await package.read(backend, {})
    with pytest.raises(AwsError, match="Please do not provide other"):
        await package.read(backend, {"ZipFile": b"zip", "S3Bucket": "packages"})


def test_no_room_to_unpack_is_lambdas_fault_not_the_callers(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AwsError, match="The code could not be unpacked") as caught:
        Package(zipped("x = 1")).unpack(tmp_path / "file" / "code")
    assert caught.value.status == 500
