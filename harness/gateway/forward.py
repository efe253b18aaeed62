"""Sends requests to the backend, as harness.gateway.canonical writes them, and streams the answers back."""

from __future__ import annotations

from harness.backend.transport import HOP_BY_HOP, BackendGone, BackendRequest, Transport
from harness.core.errors import AwsError
from harness.gateway.http import Exchange


class Forwarder:
    """transport: to the backend."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def forward(self, exchange: Exchange, request: BackendRequest) -> None:
        """Answers the exchange with the backend's answer to ``request``.

        Raises AwsError ServiceUnavailable if the backend does not answer, and what refuses the request's content while
        it arrives.
        """
        try:
            async with self._transport.send(request) as answer:
                forwarded = [(name, value) for name, value in answer.headers if _is_forwarded(name.lower())]
                await exchange.start(answer.status, forwarded)
                async for chunk in answer.body:
                    await exchange.send_body(chunk, more=True)
                await exchange.send_body(b"", more=False)
        except BackendGone as error:
            if exchange.started:
                raise
            if exchange.refused_content is not None:
                raise exchange.refused_content from None
            message = f"{self._transport.name} does not answer ({error}); is it up?"
            raise AwsError("ServiceUnavailable", message, 503) from None


def _is_forwarded(name: str) -> bool:
    """Whether a header of the backend's answer goes to the client. The gateway alone says which pages may read it."""
    return name not in HOP_BY_HOP and not name.startswith("access-control-")
