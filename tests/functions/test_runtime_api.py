"""The contract of the Runtime API, from the view of a runtime (Lambda guide, runtimes-api)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from harness.functions import runtime_api
from harness.functions.runtime_api import RuntimeApi


class Recorder:
    """An environment that records what the API reports. Its current invocation has the id "current"."""

    response_limit: int | None = 10

    def __init__(self) -> None:
        self.said: list[tuple[object, ...]] = []

    def asks(self) -> None:
        self.said.append(("asks",))

    def responds(self, request_id: str, payload: bytes | None) -> int:
        self.said.append(("responds", request_id, payload))
        return 413 if payload is None else 202 if request_id == "current" else 400

    def fails(self, request_id: str, payload: bytes | None, error_type: str) -> int:
        self.said.append(("fails", request_id, payload, error_type))
        return 202

    def fails_to_start(self, payload: bytes, error_type: str) -> int:
        self.said.append(("fails_to_start", payload, error_type))
        return 202


class Runtime:
    """A runtime's connection, over which a test sends raw HTTP."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, method: str, path: str, body: bytes = b"", *headers: str) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}", *headers, "", ""]
        self.writer.write("\r\n".join(lines).encode() + body)

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in head[1:] if line)
        return int(head[0].split()[1]), headers, await self.reader.readexactly(int(headers["Content-Length"]))


API = "/2018-06-01/runtime"


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def api(recorder: Recorder) -> AsyncIterator[RuntimeApi]:
    api = RuntimeApi(recorder)
    await api.start()
    yield api
    api.close()


@pytest.fixture
async def runtime(api: RuntimeApi) -> AsyncIterator[Runtime]:
    host, port = api.address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield Runtime(reader, writer)
    writer.close()


async def settled() -> None:
    await asyncio.sleep(0.02)


async def test_next_waits_for_an_invocation(api: RuntimeApi, runtime: Runtime, recorder: Recorder) -> None:
    runtime.send("GET", f"{API}/invocation/next")
    await settled()
    assert recorder.said == [("asks",)]
    api.deliver({"Lambda-Runtime-Aws-Request-Id": "current"}, b'{"a": 1}')
    status, headers, body = await runtime.answer()
    assert (status, body, headers["Lambda-Runtime-Aws-Request-Id"]) == (200, b'{"a": 1}', "current")


async def test_a_response_is_accepted_for_the_current_invocation_only(runtime: Runtime, recorder: Recorder) -> None:
    runtime.send("POST", f"{API}/invocation/current/response", b"null")
    assert (await runtime.answer())[0] == 202
    runtime.send("POST", f"{API}/invocation/other/response", b"null")
    assert (await runtime.answer())[0] == 400
    assert recorder.said == [("responds", "current", b"null"), ("responds", "other", b"null")]


async def test_a_response_above_the_limit_is_not_kept(runtime: Runtime, recorder: Recorder) -> None:
    runtime.send("POST", f"{API}/invocation/current/response", b"x" * 10)
    assert (await runtime.answer())[0] == 202
    runtime.send("POST", f"{API}/invocation/current/response", b"x" * 1_000_000)
    assert (await runtime.answer())[0] == 413
    assert recorder.said[-1] == ("responds", "current", None)
    recorder.response_limit = None
    runtime.send("POST", f"{API}/invocation/current/response", b"x" * 11)
    assert (await runtime.answer())[0] == 202


@pytest.mark.parametrize("begin", [b"GET /", b"GET / HTTP/1.1\r\nx: ", b"GET / HTTP/1.1\r\n"])
async def test_a_head_without_an_end_is_hung_up_on(runtime: Runtime, begin: bytes) -> None:
    runtime.writer.write(begin)
    more = b"x: y\r\n" * 1_000 if begin.endswith(b"1.1\r\n") else b"x" * 6_000
    with contextlib.suppress(ConnectionError):
        for _ in range(30):
            runtime.writer.write(more)
            await runtime.writer.drain()
    with contextlib.suppress(ConnectionError):
        assert await runtime.reader.read() == b""


async def test_where_aws_has_no_limit_the_harness_has_one(
    runtime: Runtime, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer to an asynchronous invocation."""
    monkeypatch.setattr(runtime_api, "BODY_LIMIT", 20)
    recorder.response_limit = None
    runtime.send("POST", f"{API}/invocation/current/response", b"x" * 21)
    assert (await runtime.answer())[0] == 413


async def test_errors_name_their_type_in_a_header(runtime: Runtime, recorder: Recorder) -> None:
    header = "Lambda-Runtime-Function-Error-Type: Runtime.ImportModuleError"
    runtime.send("POST", f"{API}/init/error", b"{}", header)
    runtime.send("POST", f"{API}/invocation/current/error", b"[]")
    assert [(await runtime.answer())[0] for _ in range(2)] == [202, 202]
    assert recorder.said == [
        ("fails_to_start", b"{}", "Runtime.ImportModuleError"),
        ("fails", "current", b"[]", ""),
    ]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", f"{API}/restore/next"), ("POST", f"{API}/unknown"), ("POST", "/2015-01-01/init/error")],
)
async def test_anything_else_is_not_found(runtime: Runtime, method: str, path: str) -> None:
    runtime.send(method, path)
    assert (await runtime.answer())[0] == 404


async def test_data_that_is_not_http_ends_the_connection(runtime: Runtime) -> None:
    runtime.writer.write(b"\x16\x03\x01 nonsense\r\n\r\n")
    assert await runtime.reader.read() == b""


async def test_delivery_to_a_runtime_that_hung_up_does_nothing(api: RuntimeApi, runtime: Runtime) -> None:
    runtime.send("GET", f"{API}/invocation/next")
    await settled()
    runtime.writer.close()
    await settled()
    api.deliver({}, b"{}")
