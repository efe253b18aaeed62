"""The container contract from the caller's side: GET /ping and POST /invocations at an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
import yarl

from harness.hosting.instances.base import Answer, InvocationFailed, MalformedAnswer, StreamedAnswer
from harness.hosting.instances.connections import Connections
from harness.hosting.rules import timeouts

# Between two pings of an instance that starts. Ours, since AWS does not publish it: short, because a local start takes
# seconds, not minutes.
STARTUP_PING_SECONDS = 0.2
# Shorter than any common server's own (gunicorn's is 2 s): a request on a connection that the server is just closing
# would be lost.
_KEEP_ALIVE_SECONDS = 1.5
# The container is to see what the caller sent and nothing of this client's.
_NO_HEADERS_OF_ITS_OWN = ("Content-Type", "User-Agent", "Accept", "Accept-Encoding")


class ContainerClient:
    """Keep-alive connections to one container. url: ``http://HOST:PORT``. It has to be made on a running loop."""

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
        return await self._ping() == 200

    async def answers(self) -> bool:
        """Whether ``/ping`` answers within 2 s, with any status."""
        return await self._ping() is not None

    async def _ping(self) -> int | None:
        try:
            limit = aiohttp.ClientTimeout(total=timeouts.PING_SECONDS)
            async with self._session.get(self._ping_url, timeout=limit) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError, OSError):
            return None

    async def pinged(self, ended: Callable[[], bool], timeout: float) -> Literal["ready", "ended", "late"]:
        """Pings until ``/ping`` answers 200, ``ended()`` is true, or ``timeout`` seconds are over."""
        try:
            async with asyncio.timeout(timeout):
                while not await self.ping():
                    if ended():
                        return "ended"
                    await asyncio.sleep(STARTUP_PING_SECONDS)
        except TimeoutError:
            return "late"
        return "ready"

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """Sends one request. Raises InvocationFailed, or TimeoutError after ``timeout`` seconds."""
        async with asyncio.timeout(timeout):
            return await self._connections.post(self._invocations_url.raw_path, body, headers)

    @asynccontextmanager
    async def stream(self, body: bytes, headers: Mapping[str, str], timeout: float) -> AsyncIterator[StreamedAnswer]:
        """Sends one request whose answer is read while it comes. Raises what invoke() raises."""
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
    """The error as one that an instance may raise: TimeoutError, MalformedAnswer or InvocationFailed."""
    if isinstance(error, TimeoutError):
        return TimeoutError()
    # aiohttp's name for a status line or header that cannot be parsed.
    error_class = MalformedAnswer if isinstance(error, aiohttp.ClientResponseError) else InvocationFailed
    return error_class(f"{type(error).__name__}: {error}")
