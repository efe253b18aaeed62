"""Forwards a request to the backend unchanged (host, raw path, headers, body) and streams the answer back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from harness.backend.transport import HOP_BY_HOP, BackendGone, BackendRequest, Transport
from harness.core.errors import AwsError
from harness.gateway.http import Exchange
from harness.gateway.identify import Head


class Forwarder:
    """transport: to the backend."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def forward(
        self, exchange: Exchange, body: bytes | None = None, inspect: Callable[[int, bytes], None] | None = None
    ) -> None:
        """Answers the exchange with the backend's answer.

        body: the request's, if it was read already. inspect: called with the answer's status and whole body before the
        client gets it. Raises AwsError ServiceUnavailable if the backend does not answer.
        """
        head = exchange.head
        headers = [(name, value) for name, value in exchange.raw_headers if name.lower() not in HOP_BY_HOP]
        data: bytes | AsyncIterator[bytes] | None = exchange.stream() if body is None and _has_body(head) else body
        try:
            async with self._transport.send(
                BackendRequest(head.method, head.path, head.query, headers, data)
            ) as answer:
                forwarded = [(name, value) for name, value in answer.headers if _is_forwarded(name.lower())]
                if inspect is not None:
                    whole = await answer.read()
                    inspect(answer.status, whole)
                    await exchange.start(answer.status, forwarded)
                    await exchange.send_body(whole, more=False)
                    return
                await exchange.start(answer.status, forwarded)
                async for chunk in answer.body:
                    await exchange.send_body(chunk, more=True)
                await exchange.send_body(b"", more=False)
        except BackendGone as error:
            if exchange.started:
                raise
            message = f"{self._transport.name} does not answer ({error}); is it up?"
            raise AwsError("ServiceUnavailable", message, 503) from None


def _is_forwarded(name: str) -> bool:
    """Whether a header of the backend's answer goes to the client. Which pages may read it is the gateway's word."""
    return name not in HOP_BY_HOP and not name.startswith("access-control-")


def _has_body(head: Head) -> bool:
    return "content-length" in head.headers or "transfer-encoding" in head.headers
