"""A small HTTP client that costs next to nothing: it sends prepared requests over kept connections, as a closed or
open loop."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import uvloop

from harness.core.sigv4 import SigningCredentials, signed_headers

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
ADMINISTRATOR = SigningCredentials("test", "test")


@dataclass
class Result:
    """The result of a loop.

    seconds: the latency of every request. statuses: how often each status came. elapsed: seconds of the whole loop.
    """

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    elapsed: float = 0.0

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.elapsed

    def quantile(self, probability: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(int(probability * len(ordered)), len(ordered) - 1)]


def invocation(url: str, endpoint: str, body: bytes) -> bytes:
    """A signed InvokeEndpoint, as it goes over the wire. Its signature is valid for minutes: long enough for a run."""
    host = urlsplit(url).netloc
    path = f"/endpoints/{endpoint}/invocations"
    headers = {"Host": host, "Content-Type": "application/json"}
    signed = signed_headers(
        ADMINISTRATOR,
        "us-east-1",
        "sagemaker",
        method="POST",
        path=path,
        query="",
        headers=headers,
        body=body,
        at=time.time(),
    )
    return _request(path, signed, body)


def direct(url: str, body: bytes) -> bytes:
    """The same request, as the container sees it."""
    return _request("/invocations", {"Host": urlsplit(url).netloc, "Content-Type": "application/json"}, body)


def _request(path: str, headers: dict[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._answered: asyncio.Future[int] | None = None
        self.closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's has another base class

    def ask(self, request: bytes) -> asyncio.Future[int]:
        """Sends a request. The result is the status, or 0 if the connection was closed."""
        assert self.transport is not None
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answered

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        if len(self._buffer) < end + 4 + (int(length[1]) if length else 0):
            return
        status = int(self._buffer[9:12])
        # werkzeug's server, which is moto's, closes the connection after every answer.
        self.closing = self._buffer.startswith(b"HTTP/1.0") or b"onnection: close" in self._buffer[:end]
        self._buffer.clear()
        self._settle(status)

    def connection_lost(self, error: Exception | None) -> None:
        self.closing = True
        self._settle(0)

    def _settle(self, status: int) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(status)


async def _connect(url: str) -> _Connection:
    address = urlsplit(url)
    _, connection = await asyncio.get_running_loop().create_connection(_Connection, address.hostname, address.port)
    return connection


def closed_loop(targets: list[tuple[str, bytes]], requests: int) -> Result:
    """One caller for each (url, request), which sends ``requests`` requests back to back."""
    result = Result()

    async def caller(url: str, request: bytes) -> None:
        connection = await _connect(url)
        for _ in range(requests):
            begun = time.perf_counter()
            if connection.closing:
                connection = await _connect(url)
            result.statuses[await connection.ask(request)] += 1
            result.seconds.append(time.perf_counter() - begun)
        assert connection.transport is not None
        connection.transport.close()

    async def run() -> None:
        begun = time.perf_counter()
        await asyncio.gather(*(caller(url, request) for url, request in targets))
        result.elapsed = time.perf_counter() - begun

    uvloop.run(run())
    return result


def open_loop(url: str, request: bytes, rate: float, seconds: float, connections: int) -> Result:
    """Poisson arrivals at ``rate`` a second. Latency counts from the arrival and includes the wait for a connection."""
    result = Result()
    draws = random.Random(1)

    async def run() -> None:
        free = deque([await _connect(url) for _ in range(connections)])
        waiting: deque[asyncio.Future[None]] = deque()

        async def send(due: float) -> None:
            while not free:
                turn = asyncio.get_running_loop().create_future()
                waiting.append(turn)
                await turn
            connection = free.pop()
            result.statuses[await connection.ask(request)] += 1
            result.seconds.append(time.perf_counter() - due)
            free.append(connection)
            if waiting:
                waiting.popleft().set_result(None)

        begun = due = time.perf_counter()
        tasks = set()
        while due < begun + seconds:
            due += draws.expovariate(rate)
            await asyncio.sleep(due - time.perf_counter())
            task = asyncio.ensure_future(send(due))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)
        result.elapsed = time.perf_counter() - begun
        for connection in free:
            assert connection.transport is not None
            connection.transport.close()

    uvloop.run(run())
    return result
