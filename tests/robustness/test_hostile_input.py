"""A hostile client or archive cannot write outside its folder, fill the memory, or connect from another machine."""

from __future__ import annotations

import gzip
import io
import json
import socket
import stat
import struct
import tarfile
import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core import folders
from harness.core.errors import AwsError
from harness.functions import errors
from harness.functions.package import Package
from harness.gateway.head_limit import HEAD_LIMIT
from harness.hosting.model_data import ModelDataError, S3Source, fetch, unpack
from harness.local_aws.options import LocalAwsOptions
from model_server import archive
from tests.functions.conftest import zipped
from tests.robustness.small_stack import TwinStack, twin_stack
from tests.support import REGION, Aws, running_aws, unique

CREDENTIAL = f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=0"


class TestArchives:
    """Links are what plain checks of names miss: each is harmless alone, and leads outside once another is there."""

    # A link's name and where it leads. The last is a file that would be written through them.
    CHAINS = (
        (("out", "here/.."), ("here", "."), ("out/evil", None)),
        (("out", "a/b/../.."), ("a", "."), ("b", "."), ("out/evil", None)),
        (("folder/out", "../here/.."), ("here", "."), ("folder/out/evil", None)),
        (("out", "."), ("out/up", ".."), ("out/up/evil", None)),
        (("out", "here/.."), ("here", "."), ("out/link", "target")),
        (("x", "/tmp"),),
        (("x", "../.."),),
    )

    @pytest.mark.parametrize("members", CHAINS)
    def test_a_zip_writes_nothing_outside(self, tmp_path: Path, members: Any) -> None:
        """Zips of functions and of layers are unpacked by the same code."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            for name, leads in members:
                member = zipfile.ZipInfo(name)
                member.external_attr = ((stat.S_IFLNK if leads else stat.S_IFREG) | 0o777) << 16
                packed.writestr(member, leads or "evil")
        with pytest.raises(AwsError) as refused:
            Package(content.getvalue()).unpack(tmp_path / "deep" / "code")
        assert refused.value.message == errors.BAD_ZIP
        assert sorted(tmp_path.rglob("*")) in ([], [tmp_path / "deep"])

    @pytest.mark.parametrize("members", CHAINS)
    def test_a_tar_writes_nothing_outside(self, tmp_path: Path, members: Any) -> None:
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
            for name, leads in members:
                member = tarfile.TarInfo(name)
                member.type, member.linkname = (tarfile.SYMTYPE, leads) if leads else (tarfile.REGTYPE, "")
                packed.addfile(member)
        with pytest.raises(ModelDataError):
            unpack(tmp_path / "model.tar.gz", tmp_path / "deep" / "model")
        assert sorted(tmp_path.rglob("*")) == [tmp_path / "deep", tmp_path / "model.tar.gz"]

    @pytest.mark.parametrize(
        "kind", [stat.S_IFIFO, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFSOCK, 0o110000, 0o030000, 0o170000], ids=oct
    )
    def test_a_zip_of_anything_but_files_folders_and_links_is_refused(self, tmp_path: Path, kind: int) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            packed.writestr("app.py", "x = 1")
            member = zipfile.ZipInfo("special")
            member.external_attr = (kind | 0o644) << 16
            packed.writestr(member, "")
        with pytest.raises(AwsError) as refused:
            Package(content.getvalue()).unpack(tmp_path / "code")
        assert refused.value.message == errors.BAD_ZIP
        assert not (tmp_path / "code").exists()

    def test_a_link_in_the_place_of_another_member_is_refused(self, tmp_path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            packed.writestr("app.py", "x = 1")
            member = zipfile.ZipInfo("app.py/")
            member.filename = "app.py"
            member.external_attr = (stat.S_IFLNK | 0o777) << 16
            with pytest.warns(UserWarning, match="Duplicate"):
                packed.writestr(member, "other.py")
        with pytest.raises(AwsError, match=r"Could not unzip|zip"):
            Package(content.getvalue()).unpack(tmp_path / "code")

    def test_links_that_lead_through_each_other_and_stay_inside_are_kept(self, tmp_path: Path) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as packed:
            packed.writestr("lib/real/libx.so.1", "elf")
            for name, leads in (("lib/libx.so", "current/libx.so.1"), ("lib/current", "real")):
                member = zipfile.ZipInfo(name)
                member.external_attr = (stat.S_IFLNK | 0o777) << 16
                packed.writestr(member, leads)
        Package(content.getvalue()).unpack(tmp_path / "code")
        assert (tmp_path / "code" / "lib" / "libx.so").read_text() == "elf"
        folders.remove(tmp_path / "code")

    def test_a_zip_unpacks_to_no_more_than_it_declares_and_lambda_takes(self, tmp_path: Path) -> None:
        """A member that declares a byte and holds ten million unpacks to a byte, and is damaged then."""
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr("bomb", bytes(10_000_000))
        small = content.getvalue().replace((10_000_000).to_bytes(4, "little"), (1).to_bytes(4, "little"))
        with pytest.raises(AwsError) as refused:
            Package(small).unpack(tmp_path / "code")
        assert refused.value.message == errors.BAD_ZIP
        assert not (tmp_path / "code").exists()

    @pytest.mark.parametrize(("most", "value"), [("MOST_BYTES", 1_000_000), ("MOST_MEMBERS", 5)])
    def test_a_tar_ends_where_it_is_too_much(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: str, value: int
    ) -> None:
        monkeypatch.setattr(archive, most, value)
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
            for number in range(10):
                member = tarfile.TarInfo(f"zeros-{number}")
                member.size = 200_000
                packed.addfile(member, io.BytesIO(bytes(member.size)))
        with pytest.raises(ModelDataError, match="more than"):
            unpack(tmp_path / "model.tar.gz", tmp_path / "model")
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize("key", ["m/../../outside", "m/a/../../../outside", "m/..", "m/./../../outside"])
    def test_an_s3_key_leads_nowhere_outside(self, aws: Aws, tmp_path: Path, key: str) -> None:
        bucket = unique("keys")
        aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=b"evil")
        with pytest.raises(ModelDataError):
            fetch(aws.local.backend, S3Source(f"s3://{bucket}/m/", "S3Prefix", "None"), tmp_path / "deep" / "data")
        assert not list(tmp_path.rglob("outside"))


class TestSizesOfArchives:
    """What an archive may be made of: each bound is far above any model's, and below what fills a memory or a path."""

    def test_a_tar_thousands_of_folders_deep_fails_in_words_and_leaves_nothing(self, tmp_path: Path) -> None:
        packed_model(tmp_path / "model.tar.gz", {"d/" * 3_000 + "x": b""})
        with pytest.raises(ModelDataError, match="is more than 100 folders deep"):
            unpack(tmp_path / "model.tar.gz", tmp_path / "model")
        assert not (tmp_path / "model").exists()

    @pytest.mark.parametrize(
        ("name", "fault"),
        [
            ("d/" * 101 + "x", "folders deep"),
            ("x" * 256, "a part that is longer than 255 bytes"),
            ("é" * 128, "a part that is longer than 255 bytes"),
            ("/".join(["y" * 250] * 5), "longer than 1,024 bytes"),
        ],
    )
    @pytest.mark.parametrize("link", [False, True])
    def test_a_name_that_no_file_can_have_is_refused(self, tmp_path: Path, name: str, fault: str, link: bool) -> None:
        with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
            member = tarfile.TarInfo("link" if link else name)
            member.type, member.linkname = (tarfile.SYMTYPE, name) if link else (tarfile.REGTYPE, "")
            packed.addfile(member)
        with pytest.raises(ModelDataError, match=fault):
            unpack(tmp_path / "model.tar.gz", tmp_path / "model")
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as zipped_:
            zipped_.writestr(name, "")
        with pytest.raises(AwsError) as refused:
            Package(content.getvalue()).unpack(tmp_path / "code")
        assert refused.value.message == errors.BAD_ZIP

    @given(st.lists(st.text("ab.é/\\ ", min_size=1, max_size=90), max_size=110), st.booleans())
    @settings(max_examples=60, deadline=None)
    def test_any_name_is_unpacked_or_refused_in_words_and_nothing_is_left(self, parts: list[str], gz: bool) -> None:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            with tarfile.open(folder / "m", "w:gz" if gz else "w") as packed:
                packed.addfile(tarfile.TarInfo("/".join(parts) or "x"))
            try:
                unpack(folder / "m", folder / "model")
            except ModelDataError as error:
                assert str(error).startswith("Failed to extract model data")
                assert not (folder / "model").exists()
            assert sorted(path.name for path in folder.iterdir()) in (["m"], ["m", "model"])

    @pytest.mark.parametrize("kind", ["pax", "a pax header for all", "a long name", "a long link", "a sparse file"])
    def test_a_tars_headers_are_bounded(self, tmp_path: Path, kind: str) -> None:
        """tarfile reads a header as a whole: 200 MB of zeros in 200 KB would be 200 MB of memory, several times."""
        types = {"pax": b"x", "a pax header for all": b"g", "a long name": b"L", "a long link": b"K"}
        with gzip.open(tmp_path / "model.tar.gz", "wb", 1) as packed:
            if kind == "a sparse file":
                packed.write(sparse_header())
                for _ in range(4_000):  # each continues the list of the last
                    packed.write(b"0" * 504 + b"\x01" + bytes(7))
            else:
                member = tarfile.TarInfo("header")
                member.type, member.size = types[kind], 200_000_000
                packed.write(member.tobuf(tarfile.GNU_FORMAT))
                for _ in range(200):
                    packed.write(bytes(1_000_000))
        tracemalloc.start()
        with pytest.raises(ModelDataError, match="headers have more than 1,048,576 bytes"):
            unpack(tmp_path / "model.tar.gz", tmp_path / "model")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20_000_000
        assert not (tmp_path / "model").exists()

    def test_the_members_of_a_tar_are_not_kept_in_memory(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "model.tar", "w") as packed:
            for number in range(600):
                packed.addfile(tarfile.TarInfo(f"folder-{number % 10}/file-{number}"))
            link = tarfile.TarInfo("hard")
            link.type, link.linkname = tarfile.LNKTYPE, "folder-0/file-0"
            packed.addfile(link)
        tracemalloc.start()
        unpack(tmp_path / "model.tar", tmp_path / "model")
        current, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(list((tmp_path / "model").rglob("file-*"))) == 600
        assert (tmp_path / "model" / "hard").stat().st_nlink == 2
        assert current < 200_000  # a member is a kilobyte

    @pytest.mark.parametrize("zip64", [False, True])
    def test_a_zips_directory_is_bounded(self, tmp_path: Path, zip64: bool) -> None:
        """zipfile reads it as a whole, and keeps an object for each of its entries."""
        size = errors.ZIP_DIRECTORY_LIMIT + 1
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF if zip64 else size, 0, 0)
        if zip64:
            end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, size, 0) + bytes(20) + end
        with pytest.raises(AwsError) as refused:
            Package(bytes(size) + end).unpack(tmp_path / "code")
        assert refused.value.message == errors.BAD_ZIP

    @pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
    def test_a_zip_is_stored_or_deflated(self, tmp_path: Path, method: int) -> None:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", method) as packed:
            packed.writestr("app.py", "x = 1")
        with pytest.raises(AwsError) as refused:
            Package(content.getvalue()).unpack(tmp_path / "code")
        assert refused.value.message == errors.BAD_ZIP

    def test_a_deep_key_of_s3_is_refused_in_words(self, aws: Aws, tmp_path: Path) -> None:
        bucket = unique("deep")
        aws.client("s3").create_bucket(Bucket=bucket)
        aws.client("s3").put_object(Bucket=bucket, Key="m/" + "d/" * 400 + "x", Body=b"")
        with pytest.raises(ModelDataError, match="is more than 100 folders deep"):
            fetch(aws.local.backend, S3Source(f"s3://{bucket}/m/", "S3Prefix", "None"), tmp_path / "data")


def packed_model(path: Path, files: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as packed:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            packed.addfile(member, io.BytesIO(content))


def sparse_header() -> bytes:
    """A GNU sparse member whose list of holes goes on in the blocks that follow."""
    member = tarfile.TarInfo("sparse")
    member.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(member.tobuf(tarfile.GNU_FORMAT))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


class TestNames:
    @pytest.mark.parametrize("name", ["..", ".", "../x", "a/../../x", "%2e%2e", "x\0"])
    def test_a_functions_name_is_no_path(self, aws: Aws, name: str) -> None:
        before = inventory(aws)
        try:
            aws.client("lambda", parameter_validation=False).create_function(
                FunctionName=name, Role=aws.role(), Handler="app.handler", Runtime="python3.12",
                Code={"ZipFile": zipped("def handler(event, context): return 1")},
            )  # fmt: skip
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        places = aws.local.functions._workspace / "code", aws.local.functions._workspace / "environments"
        assert all(any(path.is_relative_to(place) for place in places) for path in inventory(aws) - before)

    @pytest.mark.parametrize("region", ["..", ".", "%2e%2e", "x y", "é"])
    def test_a_region_is_no_path(self, aws: Aws, region: str) -> None:
        header = CREDENTIAL.replace(REGION, region)
        status, _ = spoken(
            aws, f"GET /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\nAuthorization: {header}\r\n\r\n"
        )
        assert status == 403

    @pytest.mark.parametrize("path", ["/../../etc/passwd", "/b/../../etc/passwd", "/%2e%2e/etc/passwd", "//etc/passwd"])
    def test_no_path_reads_the_machines_files(self, aws: Aws, path: str) -> None:
        header = CREDENTIAL.replace("/lambda/", "/s3/")
        status, body = spoken(aws, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {header}\r\n\r\n")
        assert status in (400, 404, 405)
        assert "root:" not in body


def inventory(aws: Aws) -> set[Path]:
    """The local AWS's folder, three levels down: more levels than the names go up."""
    work = aws.local.functions._workspace.parent
    return {path for level in ("*", "*/*", "*/*/*") for path in work.glob(level)}


def spoken(aws: Aws, request: str | bytes, more: bytes = b"") -> tuple[int, str]:
    """The status and text of the answer to bytes on a new connection.

    more: sent again and again until the other side hangs up, at most 64 MiB.
    """
    host, port = aws.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as wire:
        wire.sendall(request.encode("latin-1", "replace") if isinstance(request, str) else request)
        sent, hung_up = 0, False
        while more and not hung_up and sent < 2**26:
            try:
                sent += wire.send(more)
            except OSError:
                hung_up = True
        wire.settimeout(10)
        answer = b""
        try:
            while b"\r\n\r\n" not in answer or len(answer) < _length(answer):
                chunk = wire.recv(65_536)
                if not chunk:
                    break
                answer += chunk
        except ConnectionResetError:
            pass
    assert not more or hung_up, "64 MiB were taken in"
    return (int(answer.split(b" ", 2)[1]) if answer else 0), answer.decode("utf-8", "replace")


def _length(answer: bytes) -> int:
    head, _, _ = answer.partition(b"\r\n\r\n")
    found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return len(head) + 4 + (int(found[0].split(b":")[1]) if found else 0)


class TestLimits:
    @pytest.mark.parametrize("where", ["a header", "many headers", "the query"])
    def test_a_head_over_the_limit_is_refused_in_awss_words(self, aws: Aws, where: str) -> None:
        """RequestHeaderSectionTooLarge (S3 API reference, error responses)."""
        x = "x" * HEAD_LIMIT
        headers = {"a header": f"x-long: {x}\r\n", "many headers": "".join(f"x-{n}: {n}\r\n" for n in range(6000))}
        path = f"/?{x}" if where == "the query" else "/"
        status, text = spoken(aws, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers.get(where, '')}\r\n")
        assert status == 400
        assert json.loads(text.partition("\r\n\r\n")[2])["__type"] == "RequestHeaderSectionTooLarge"

    def test_a_head_below_the_limit_is_served(self, aws: Aws) -> None:
        status, text = spoken(
            aws, f"GET /_harness/health HTTP/1.1\r\nHost: localhost\r\nx-long: {'x' * (HEAD_LIMIT - 200)}\r\n\r\n"
        )
        assert status == 200, text

    @pytest.mark.parametrize(
        "begin", [b"GET / HTTP/1.1\r\nx-endless: ", b"GET /", b"GET / HTTP/1.1\r\nHost: localhost\r\n"]
    )
    def test_a_head_without_an_end_is_not_gathered(self, aws: Aws, begin: bytes) -> None:
        more = b"x-header: y\r\n" * 5000 if begin.endswith(b"\n") else b"x" * 65_536
        before = psutil.Process().memory_info().rss
        status, text = spoken(aws, begin, more)
        assert status in (0, 400), text  # 0: reset before the answer could be read
        assert psutil.Process().memory_info().rss - before < 2**25

    @pytest.mark.parametrize("declared", ["content-length: 99999999999", "transfer-encoding: chunked"])
    def test_a_body_over_its_limit_is_refused_however_it_is_sent(self, aws: Aws, declared: str) -> None:
        """6,291,456 bytes (botocore, BodyBlob)."""
        header = CREDENTIAL.replace("/lambda/", "/sagemaker/")
        head = f"POST /endpoints/e/invocations HTTP/1.1\r\nHost: [::1]\r\nAuthorization: {header}\r\n{declared}\r\n\r\n"
        body = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
        request = head.encode() + (body * 100 if "chunked" in declared else b"")
        status, text = spoken(aws, request)
        assert status == 413
        assert "HTTP content length exceeded 6291456 bytes." in text

    @pytest.mark.parametrize(
        "request_", ["\x00\x01\x02\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n", "GET \xff HTTP/1.1\r\n\r\n"]
    )
    def test_what_is_no_http_is_answered_and_hung_up_on(self, aws: Aws, request_: str) -> None:
        status, text = spoken(aws, request_)
        assert status == 400
        assert "Traceback" not in text


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinStack]:
    with twin_stack(tmp_path_factory.mktemp("twins")) as stack:
        yield stack


class TestListening:
    def test_everything_listens_on_loopback_alone(self, deployed: TwinStack) -> None:
        """With an endpoint in service and a function called: gateway, backend, runtime APIs, instances."""
        deployed.function.invoke({"name": "you"})
        listening = [
            connection.laddr.ip
            for process in deployed.processes()
            for connection in process.net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        ]
        assert len(listening) >= 3  # the gateway, moto, a twin
        assert set(listening) <= {"127.0.0.1", "::1"}

    def test_another_address_is_asked_for_by_name(self) -> None:
        assert LocalAwsOptions().host == "127.0.0.1"
        with running_aws(LocalAwsOptions(port=0, host="0.0.0.0")) as everywhere:
            assert everywhere.url.startswith("http://127.0.0.1:")
