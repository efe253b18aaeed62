"""A local AWS in a process of its own stays below 400 MB, whatever a client, an archive, a model or a function does.

The peak is the kernel's own, of all resident memory since the process began (VmHWM), so that nothing is missed between
two looks.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.core import memory
from harness.functions import errors
from harness.local_aws.client import LocalAwsClient
from harness.testing.aws import Aws, local_aws
from tests.functions.conftest import zipped
from tests.hosting.hands import IMAGE, variant
from tests.robustness import test_hostile_input as hostile
from tests.roles import trusting
from tests.support import unique

MOST_BYTES = 400 * memory.MEGABYTE


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """In place of the local AWS in this process."""
    with local_aws(tmp_path_factory.mktemp("aws") / "state") as running:
        yield running


@pytest.fixture(autouse=True)
def bounded(aws: Aws) -> Iterator[None]:
    yield
    health = LocalAwsClient(aws.url).health()
    peak = memory.peak(int(health["pid"]))
    assert 0 < peak < MOST_BYTES, f"{peak / memory.MEGABYTE:.0f} MB"


class TestRequests(hostile.TestLimits):
    """Heads and bodies without an end, once more: against a process whose memory is looked at."""


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", compresslevel=1) as packed:
        for member, body in members:
            packed.write(member.tobuf(tarfile.GNU_FORMAT))
            packed.write(body + bytes(-len(body) % 512))
        packed.write(bytes(1024))
    return content.getvalue()


def member(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info


def deep() -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as packed:
        packed.addfile(member("d/" * 3_000 + "x"))
    return content.getvalue()


TARS: dict[str, tuple[Callable[[], bytes], str]] = {
    "3,000 folders deep": (deep, "is more than 100 folders deep"),
    "a pax header of 200 MB": (
        lambda: tar((member("p", 200_000_000, b"x"), bytes(200_000_000))),
        "headers have more than",
    ),
    "a long name of 200 MB": (
        lambda: tar((member("n", 200_000_000, b"L"), bytes(200_000_000))),
        "headers have more than",
    ),
    "a file of 40 GiB": (lambda: tar((member("f", 40 * 2**30), b"")), "more than 32,212,254,720 bytes"),
    "2,000 members": (
        lambda: tar(*((member("d", kind=tarfile.DIRTYPE), b"") for _ in range(2_000)), (member("../x"), b"")),
        "would land outside",
    ),
}


@pytest.mark.parametrize("case", TARS)
def test_a_hostile_archive_fails_its_endpoint_with_the_reason_and_the_endpoint_can_be_deleted(
    aws: Aws, case: str
) -> None:
    """The kind ``process`` unpacks before it starts anything."""
    make, said = TARS[case]
    name, sagemaker, s3 = unique("hostile"), aws.client("sagemaker"), aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=make())
    sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"},
        ExecutionRoleArn=role(aws, "sagemaker.amazonaws.com"),
    )
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    LocalAwsClient(aws.url).put_endpoint(name, {"instances": "process", "server": "asgi"})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    description = until(
        lambda: sagemaker.describe_endpoint(EndpointName=name), lambda found: found["EndpointStatus"] != "Creating"
    )
    assert description["EndpointStatus"] == "Failed"
    assert said in description["FailureReason"]
    sagemaker.delete_endpoint(EndpointName=name)
    until(lambda: gone(sagemaker, name), bool)


def role(aws: Aws, service: str) -> str:
    name = unique("role")
    return str(aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=trusting(service))["Role"]["Arn"])


def gone(sagemaker: Any, name: str) -> bool:
    try:
        sagemaker.describe_endpoint(EndpointName=name)
    except ClientError:
        return True
    return False


def until(look: Callable[[], Any], good: Callable[[Any], object]) -> Any:
    end = time.monotonic() + 60
    while not good(value := look()):
        assert time.monotonic() < end, f"it is still {value}"
        time.sleep(0.05)
    return value


def many_entries() -> bytes:
    """Half a million empty files in 50 MB of directory, without their contents."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("a", "")
    whole = content.getvalue()
    start = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry, tail = whole[start:end], bytearray(whole[end:])
    count = 500_000
    tail[8:12] = (count & 0xFFFF).to_bytes(2, "little") * 2
    tail[12:16] = (len(entry) * count).to_bytes(4, "little")
    return whole[:start] + entry * count + bytes(tail)


def declared(size: int) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(10_000_000))
    return content.getvalue().replace((10_000_000).to_bytes(4, "little"), size.to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("make", "said"),
    [(many_entries, errors.BAD_ZIP), (lambda: declared(300_000_000), errors.UNZIPPED_TOO_LARGE)],
    ids=["half a million entries", "300 MB"],
)
def test_a_hostile_zip_is_refused(aws: Aws, make: Callable[[], bytes], said: str) -> None:
    bucket = unique("zips")
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=make())
    with pytest.raises(ClientError) as refused:
        create_function(aws, {"S3Bucket": bucket, "S3Key": "code.zip"})
    assert refused.value.response["Error"]["Message"] == said


def create_function(aws: Aws, code: dict[str, Any], **members: Any) -> str:
    name = unique("function")
    aws.client("lambda").create_function(
        FunctionName=name,
        Role=role(aws, "lambda.amazonaws.com"),
        Runtime="python3.12",
        Handler="app.handler",
        Code=code,
        Timeout=30,
        **members,
    )
    return name


HANDLERS = {
    "answers with 100 MB": "def handler(event, context): return 'x' * 100_000_000",
    "prints 100 MB in one line": (
        "def handler(event, context):\n    for _ in range(100): print('x' * 1_000_000, end='')"
    ),
    "raises 100 MB": "def handler(event, context): raise ValueError('x' * 100_000_000)",
    "sends its runtime API a head without an end": (
        "import os, socket\n"
        "def handler(event, context):\n"
        "    host, port = os.environ['AWS_LAMBDA_RUNTIME_API'].split(':')\n"
        "    wire = socket.create_connection((host, int(port)))\n"
        "    wire.sendall(b'GET / HTTP/1.1\\r\\n')\n"
        "    for _ in range(100): wire.sendall(b'x: y\\r\\n' * 200_000)\n"
    ),
}


@pytest.mark.parametrize("case", HANDLERS)
def test_a_function_cannot_fill_the_harnesss_memory(aws: Aws, case: str) -> None:
    name = create_function(aws, {"ZipFile": zipped(HANDLERS[case])}, MemorySize=1024)
    answer = aws.client("lambda").invoke(FunctionName=name)
    assert ("FunctionError" in answer) == (not case.startswith("prints"))
    aws.client("lambda").delete_function(FunctionName=name)


def test_events_that_wait_are_refused_before_they_are_too_many(aws: Aws) -> None:
    """Each has 250 KB, and the function none of the concurrency that it would take."""
    lambda_, codes = aws.client("lambda"), set()
    name = create_function(aws, {"ZipFile": zipped("def handler(event, context): return event")})
    lambda_.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    event = b'"' + b"x" * 250_000 + b'"'
    for _ in range(200):
        try:
            codes.add(str(lambda_.invoke(FunctionName=name, InvocationType="Event", Payload=event)["StatusCode"]))
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
            break
    assert codes == {"202", "TooManyRequestsException"}
    lambda_.delete_function(FunctionName=name)


class EndlessContainer:
    """A container that answers /ping, and any request without an end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self.url = str(asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10))

    async def _start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /ping"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            with contextlib.suppress(ConnectionError):
                for _ in range(1_000):
                    writer.write(b"100000\r\n" + bytes(2**20) + b"\r\n")
                    await writer.drain()
        writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


def test_a_model_that_answers_without_an_end_costs_its_own_request(aws: Aws) -> None:
    container, name, sagemaker = EndlessContainer(), unique("endless"), aws.client("sagemaker")
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    LocalAwsClient(aws.url).put_endpoint(name, {"instances": "container", "containers": [container.url]})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    until(lambda: sagemaker.describe_endpoint(EndpointName=name), lambda found: found["EndpointStatus"] == "InService")
    with pytest.raises(ClientError, match="is larger than 67,108,864 bytes"):
        aws.client("sagemaker-runtime").invoke_endpoint(EndpointName=name, Body=b"{}")
    sagemaker.delete_endpoint(EndpointName=name)
    container.close()


def test_a_large_object_passes(aws: Aws) -> None:
    """moto holds it twice while it is written or read."""
    bucket = unique("large")
    aws.client("s3").create_bucket(Bucket=bucket)
    aws.client("s3").put_object(Bucket=bucket, Key="model", Body=bytes(24_000_000))
    assert len(aws.client("s3").get_object(Bucket=bucket, Key="model")["Body"].read()) == 24_000_000
