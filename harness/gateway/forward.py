"""Forwards a request to the backend unchanged (host, raw path, headers, body) and streams the answer back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import yarl

from harness.core.errors import AwsError
from harness.gateway.http import Exchange
from harness.gateway.identify import Head

# Headers of the connection, not of the message (RFC 9110, 7.6.1), and Expect, which the server has answered already.
_HOP_BY_HOP = frozenset(
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


class Forwarder:
    """A session of keep-alive connections to the backend at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            auto_decompress=False,
            connector=aiohttp.TCPConnector(limit=0),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=10),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def forward(
        self, exchange: Exchange, body: bytes | None = None, inspect: Callable[[int, bytes], None] | None = None
    ) -> None:
        """Answers the exchange with the backend's answer.

        body: the request's, if it was read already. inspect: called with the answer's status and whole body before the
        client gets it. Raises AwsError ServiceUnavailable if the backend does not answer.
        """
        assert self._session is not None, "start() comes first"
        head = exchange.head
        headers = [(name, value) for name, value in exchange.raw_headers if name.lower() not in _HOP_BY_HOP]
        data: bytes | AsyncIterator[bytes] | None = exchange.stream() if body is None and _has_body(head) else body
        url = yarl.URL(self._url + head.path + (f"?{head.query}" if head.query else ""), encoded=True)
        try:
            async with self._session.request(
                head.method, url, headers=headers, data=data, allow_redirects=False
            ) as answer:
                forwarded = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
                if inspect is not None:
                    whole = await answer.read()
                    inspect(answer.status, whole)
                    await exchange.start(answer.status, forwarded)
                    await exchange.send_body(whole, more=False)
                    return
                await exchange.start(answer.status, forwarded)
                async for chunk in answer.content.iter_any():
                    await exchange.send_body(chunk, more=True)
                await exchange.send_body(b"", more=False)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if exchange.started:
                raise
            raise AwsError(
                "ServiceUnavailable",
                f"The backend at {self._url} does not answer ({type(error).__name__}); is it up?",
                503,
            ) from None


def _has_body(head: Head) -> bool:
    return "content-length" in head.headers or "transfer-encoding" in head.headers
