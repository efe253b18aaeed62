"""The container contract from the caller's side: GET /ping and POST /invocations at an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import aiohttp
import yarl

from harness.hosting.instances.base import Answer, InvocationFailed
from harness.hosting.instances.exchange import Connections, MalformedAnswer
from harness.hosting.rules.timeouts import PING_SECONDS

# Not AWS's interval (unpublished): short, because a local start takes seconds, not minutes.
PING_INTERVAL_SECONDS = 0.2
# Shorter than any common server's own (gunicorn's is 2 s): a connection that the server is about to close is not
# written to, which would cost a request that nobody served.
_KEEP_ALIVE_SECONDS = 1.5
# What the container sees is what the caller sent, nothing of this client's.
_NO_HEADERS_OF_ITS_OWN = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """A container's HTTP answer whose body is still to come. parts: raises InvocationFailed where it breaks off."""

    status: int
    headers: Mapping[str, str]
    parts: AsyncIterator[bytes]


@runtime_checkable
class StreamingInstance(Protocol):
    """An instance that can pass an answer on while it comes: an ability that a kind may have."""

    def stream(
        self, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """One request. Raises InvocationFailed, or TimeoutError when it took longer than ``timeout`` seconds in all."""
        ...


class ContainerClient:
    """Keep-alive connections to one container. url: ``http://HOST:PORT``. To be made on a running loop."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._ping_url = yarl.URL(url + "/ping")
        self._invocations_url = yarl.URL(url + "/invocations")
        self._connections = Connections(
            self._invocations_url.host or "", self._invocations_url.port or 80, _KEEP_ALIVE_SECONDS
        )
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_HEADERS_OF_ITS_OWN,
        )

    async def close(self) -> None:
        self._connections.close()
        await self._session.close()

    async def ping(self) -> bool:
        """Whether ``/ping`` answers 200 within 2 s."""
        try:
            limit = aiohttp.ClientTimeout(total=PING_SECONDS)
            async with self._session.get(self._ping_url, timeout=limit) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def pinged(self, ended: Callable[[], bool], timeout: float) -> Literal["ready", "ended", "late"]:
        """Pings until it answers 200, ``ended()`` is true, or ``timeout`` seconds are over."""
        try:
            async with asyncio.timeout(timeout):
                while not await self.ping():
                    if ended():
                        return "ended"
                    await asyncio.sleep(PING_INTERVAL_SECONDS)
        except TimeoutError:
            return "late"
        return "ready"

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """One request. Raises InvocationFailed, or TimeoutError after ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            return await self._connections.post(self._invocations_url.raw_path, body, headers)

    @asynccontextmanager
    async def stream(self, body: bytes, headers: Mapping[str, str], timeout: float) -> AsyncIterator[StreamedAnswer]:
        """One request whose answer is read while it comes; errors as of invoke()."""
        limit = aiohttp.ClientTimeout(total=timeout)
        try:
            async with self._session.post(self._invocations_url, data=body, headers=headers, timeout=limit) as answer:
                yield StreamedAnswer(answer.status, answer.headers, _parts(answer.content))
        except (aiohttp.ClientError, OSError) as error:
            raise _no_answer(error) from None


async def _parts(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    try:
        async for part, _ in content.iter_chunks():
            yield part
    except (aiohttp.ClientError, OSError) as error:
        raise _no_answer(error) from None


def _no_answer(error: Exception) -> Exception:
    """TimeoutError as it is, everything else as what an instance may raise."""
    if isinstance(error, TimeoutError):
        return TimeoutError()
    # aiohttp's name for a status line or header that cannot be parsed.
    kind = MalformedAnswer if isinstance(error, aiohttp.ClientResponseError) else InvocationFailed
    return kind(f"{type(error).__name__}: {error}")
