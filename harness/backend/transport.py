"""The ways to the backend: HTTP to the one that a URL names, a function call to moto in this process.

Moto in this process has no port and no address: nobody reaches it but this process, through the gateway or the boto3
clients of harness.backend.client.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import queue
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Protocol, cast

import aiohttp
import urllib3
import yarl
from botocore.awsrequest import AWSResponse

from harness.core import tasks

# Threads of calls under way. A long poll, such as SQS's ReceiveMessage, keeps one for up to 20 s.
_THREADS = 256
# Bytes of a body in memory; what is longer is in a file without a name.
_SPOOLED_BYTES = 1024 * 1024
# Headers of the connection, not of the message (RFC 9110, 7.6.1), and Expect, which the server has answered already.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "expect",
    )
)

Headers = Sequence[tuple[str, str]]

log = logging.getLogger(__name__)


class BackendGone(Exception):
    """The backend does not answer. The text names the reason."""


@dataclass(frozen=True, slots=True)
class BackendRequest:
    """A request to the backend. path, query: raw. body: None if there is none; a stream has any length."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class BackendAnswer:
    """The head of the backend's answer, and its body as it comes."""

    status: int
    headers: Headers
    body: AsyncIterator[bytes]

    async def read(self) -> bytes:
        """The whole body."""
        return b"".join([chunk async for chunk in self.body])


class Transport(Protocol):
    """Sends requests to the backend. name: of the backend, in sentences."""

    name: str

    async def close(self) -> None: ...

    def send(self, request: BackendRequest) -> AbstractAsyncContextManager[BackendAnswer]:
        """Raises BackendGone on entry if the backend does not answer."""
        ...


class HttpTransport:
    """Keep-alive connections to the backend at ``url``."""

    def __init__(self, url: str) -> None:
        self.name = f"The backend at {url}"
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    @contextlib.asynccontextmanager
    async def send(self, request: BackendRequest) -> AsyncIterator[BackendAnswer]:
        url = yarl.URL(self._url + request.path + (f"?{request.query}" if request.query else ""), encoded=True)
        try:
            answer = await self._opened().request(
                request.method, url, headers=request.headers, data=request.body, allow_redirects=False
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendGone(type(error).__name__) from None
        async with answer:
            yield BackendAnswer(answer.status, [*answer.headers.items()], self._chunks(answer))

    @staticmethod
    async def _chunks(answer: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise BackendGone(type(error).__name__) from None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                auto_decompress=False,
                connector=aiohttp.TCPConnector(limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
                skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            )
        return self._session


# ---- the backend in this process


@dataclass(frozen=True, slots=True)
class LocalRequest:
    """A request to a backend in this process, as WSGI has it. body: at its beginning. length: of the body, in bytes."""

    method: str
    path: str
    query: str
    headers: Headers
    body: BinaryIO = field(default_factory=io.BytesIO)
    length: int = 0


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """The answer of a backend in this process."""

    status: int
    headers: Headers
    body: bytes


class LocalServer(Protocol):
    """A backend in this process."""

    def answer(self, request: LocalRequest) -> LocalAnswer:
        """Answers a request, in the caller's thread. Whatever it raises is a defect."""
        ...

    def reset(self) -> None:
        """Empties it."""
        ...


class LocalTransport:
    """Calls a backend in this process, in threads of its own.

    A body is complete before a thread is taken for it, so that no slow client keeps one.
    """

    name = "The embedded backend"

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._workers = _Workers()

    async def close(self) -> None:
        self._workers.close()

    @contextlib.asynccontextmanager
    async def send(self, request: BackendRequest) -> AsyncIterator[BackendAnswer]:
        async with _spooled(request.body) as (body, length):
            asked = LocalRequest(request.method, request.path, request.query, request.headers, body, length)
            answer = await self._workers.run(lambda: answer_or_fail(self._server, asked))
        yield BackendAnswer(answer.status, answer.headers, _one(answer.body))


class _Workers:
    """Threads that are made when they are needed, and reused.

    Unlike those of concurrent.futures they do not keep the process from ending: a long poll may have 20 s left, but
    nobody waits for its answer any more.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._count = 0

    async def run(self, call: Callable[[], LocalAnswer]) -> LocalAnswer:
        """Calls it in a thread. Called from one event loop only."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[LocalAnswer] = loop.create_future()

        def deliver(answer: LocalAnswer | BaseException) -> None:
            if future.done():
                return
            if isinstance(answer, LocalAnswer):
                future.set_result(answer)
            else:
                future.set_exception(tasks.WorkFailed(tasks.said_of(answer)))

        def work() -> None:
            answer: LocalAnswer | BaseException
            try:
                answer = call()
            except BaseException as error:  # whatever it is, somebody waits for an answer
                answer = error
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(deliver, answer)

        self._work.put(work)
        if not self._idle.acquire(blocking=False) and self._count < _THREADS:
            self._count += 1
            tasks.thread(self._serve, "serving the backend's calls", again=True)
        return await future

    def close(self) -> None:
        """Ends the threads, each after the call that it is in."""
        for _ in range(self._count):
            self._work.put(None)

    def _serve(self) -> None:
        while True:
            try:
                work = self._work.get_nowait()
            except queue.Empty:
                self._idle.release()
                work = self._work.get()
            if work is None:
                return
            work()


@contextlib.asynccontextmanager
async def _spooled(body: bytes | AsyncIterator[bytes] | None) -> AsyncIterator[tuple[BinaryIO, int]]:
    """A whole body as a file, and its length."""
    if body is None or isinstance(body, bytes):
        yield io.BytesIO(body or b""), len(body or b"")
        return
    with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES) as file:
        length = 0
        async for chunk in body:
            length += len(chunk)
            if length > _SPOOLED_BYTES:
                await tasks.in_thread(file.write, chunk)
            else:
                file.write(chunk)
        file.seek(0)
        yield cast("BinaryIO", file), length


async def _one(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body


def answer_or_fail(server: LocalServer, request: LocalRequest) -> LocalAnswer:
    """The server's answer; 500 without a body if it fails, which is logged."""
    try:
        return server.answer(request)
    except Exception:
        log.exception("the embedded backend failed on %s %s", request.method, request.path)
        return LocalAnswer(500, (), b"")


def connect_to(server: LocalServer, client: Any) -> None:
    """Makes a boto3 client call a backend in this process in place of its endpoint."""
    client.meta.events.register("before-send", lambda request, **_: _answer_botocore(server, request))


def _answer_botocore(server: LocalServer, request: Any) -> AWSResponse:
    """Answers a request of botocore (botocore.awsrequest.AWSPreparedRequest)."""
    _, _, target = str(request.url).partition("://")
    host, _, target = target.partition("/")
    path, _, query = target.partition("?")
    body, length = _botocore_body(request.body)
    given = cast("Mapping[str, Any]", request.headers)
    headers = [("Host", host), *((name, _text(given[name])) for name in given if name.lower() != "host")]
    answer = answer_or_fail(server, LocalRequest(request.method, f"/{path}", query, headers, body, length))
    raw: Any = urllib3.HTTPResponse(
        io.BytesIO(answer.body),
        urllib3.HTTPHeaderDict(answer.headers),
        answer.status,
        preload_content=False,
        decode_content=False,
        request_method=request.method,
    )
    return AWSResponse(request.url, answer.status, raw.headers, raw)


def _botocore_body(body: Any) -> tuple[BinaryIO, int]:
    """botocore's body is text, bytes, or something with read()."""
    if hasattr(body, "read"):
        body = body.read()
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    return io.BytesIO(content), len(content)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
