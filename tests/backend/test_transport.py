"""The ways to the backend: the embedded one is called without a port."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from harness.backend.client import Backend, connect
from harness.backend.transport import BackendGone, BackendRequest, LocalAnswer, LocalRequest, LocalTransport
from harness.local_aws.daemon import TemporaryLocalAws
from harness.local_aws.options import LocalAwsOptions
from tests.support import Aws, unique


class Recorder:
    """A backend that keeps what it is asked, and answers with the body that it got."""

    def __init__(self) -> None:
        self.asked: list[LocalRequest] = []

    def answer(self, request: LocalRequest) -> LocalAnswer:
        self.asked.append(request)
        if request.path == "/fails":
            raise ValueError("a defect of the backend")
        return LocalAnswer(200, [("X-Length", str(request.length))], request.body.read())


async def send(
    transport: LocalTransport, body: bytes | AsyncIterator[bytes] | None, path: str = "/a%20b"
) -> tuple[int, dict[str, str], bytes]:
    async with transport.send(BackendRequest("POST", path, "x=1", [("A", "1"), ("A", "2")], body)) as answer:
        return answer.status, dict(answer.headers), await answer.read()


async def parts(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number]) * 100_000


@pytest.mark.parametrize("count", [0, 1, 30])
async def test_a_streamed_body_arrives_whole_with_its_length(count: int) -> None:
    transport = LocalTransport(Recorder())
    status, headers, body = await send(transport, parts(count))
    assert (status, headers) == (200, {"X-Length": str(count * 100_000)})
    assert body == b"".join([part async for part in parts(count)])
    await transport.close()


async def test_the_request_is_handed_on_as_it_came() -> None:
    recorder = Recorder()
    transport = LocalTransport(recorder)
    await send(transport, None)
    asked = recorder.asked[0]
    assert (asked.method, asked.path, asked.query, asked.length) == ("POST", "/a%20b", "x=1", 0)
    assert asked.headers == [("A", "1"), ("A", "2")]
    await transport.close()


async def test_a_client_that_hangs_up_in_its_body_asks_nothing() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise ConnectionResetError

    recorder = Recorder()
    transport = LocalTransport(recorder)
    with pytest.raises(ConnectionResetError):
        await send(transport, broken())
    assert not recorder.asked
    await transport.close()


async def test_a_backend_that_fails_is_an_error_500_without_its_words() -> None:
    transport = LocalTransport(Recorder())
    assert await send(transport, b"", "/fails") == (500, {}, b"")
    assert (await send(transport, b"next"))[2] == b"next"
    await transport.close()


async def test_a_call_that_waits_keeps_no_other_from_its_answer() -> None:
    class Waiting(Recorder):
        def answer(self, request: LocalRequest) -> LocalAnswer:
            if request.path == "/waits":
                assert released.wait(30)
            return super().answer(request)

    released = threading.Event()
    transport = LocalTransport(Waiting())
    waiting = [asyncio.create_task(send(transport, b"late", "/waits")) for _ in range(20)]
    await asyncio.sleep(0)
    assert (await send(transport, b"early"))[2] == b"early"
    released.set()
    assert {answer[2] for answer in await asyncio.gather(*waiting)} == {b"late"}
    await transport.close()


def test_the_process_ends_without_waiting_for_a_long_poll() -> None:
    code = """
import asyncio, threading
from harness.backend.transport import BackendRequest, LocalTransport

class Waiting:
    def answer(self, request):
        threading.Event().wait()

async def main():
    async with transport.send(BackendRequest("GET", "/", "", [], None)):
        pass

transport = LocalTransport(Waiting())
async def bounded():
    try:
        await asyncio.wait_for(main(), 0.1)
    except TimeoutError:
        await transport.close()
        print("ends")
asyncio.run(bounded())
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)
    assert ended.stdout == b"ends\n"


def test_boto3_calls_the_embedded_backend_as_it_calls_a_url(aws: Aws) -> None:
    s3, bucket = aws.local.backend.client("s3"), unique("bucket")
    s3.create_bucket(Bucket=bucket)
    body = os.urandom(3_000_000)
    s3.put_object(Bucket=bucket, Key="a b/ü", Body=body, Metadata={"with_line": "1", "with-dash": "2"})
    answer = s3.get_object(Bucket=bucket, Key="a b/ü")
    assert answer["Body"].read() == body
    assert answer["Metadata"] == {"with_line": "1", "with-dash": "2"}
    assert answer["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert s3.head_object(Bucket=bucket, Key="a b/ü")["ContentLength"] == len(body)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")


def test_a_bucket_may_be_named_like_a_path_of_motos_own(aws: Aws) -> None:
    s3 = aws.local.backend.client("s3")
    for bucket, key in (("moto-api", "data.json"), ("latest", "meta-data/iam")):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=b"own")
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"own"
        s3.delete_object(Bucket=bucket, Key=key)
        s3.delete_bucket(Bucket=bucket)


def test_a_local_aws_listens_at_the_gateways_port_alone(tmp_path: Path) -> None:
    with TemporaryLocalAws(tmp_path / "state", LocalAwsOptions(port=0)) as running:
        connect("sqs", running.url, "us-east-1", "test", "test").list_queues()
        listening = [item for item in psutil.Process(running.pid).net_connections("all") if item.status == "LISTEN"]
        assert [item.laddr.port for item in listening] == [int(running.url.rpartition(":")[2])]


async def test_a_url_where_nobody_listens_is_a_backend_that_is_gone() -> None:
    transport = Backend("http://127.0.0.1:9").transport()
    with pytest.raises(BackendGone, match="ClientConnectorError"):
        async with transport.send(BackendRequest("GET", "/", "", [], None)):
            pass
    await transport.close()
