"""An HTTP exchange over raw ASGI: the request's head, its body as a whole or as a stream, and the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from harness.core.calls import body_too_large
from harness.core.errors import AwsError
from harness.gateway.identify import Head
from harness.gateway.wire.codec import Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


REFUSAL = "harness.refusal"
"""The ASGI extension with the sentence that refuses every request of a connection, or None."""


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Exchange:
    """A request and its answer.

    raw_headers: in the order in which they came, with repeats; names in lower case. source: the client's address.
    refusal: why nothing on this connection is served, or None. answer_headers: of every answer, whatever it is.
    started: whether the answer's head has been sent.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.raw_headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.head = Head(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=dict(self.raw_headers),
        )
        self.source = (scope.get("client") or ("127.0.0.1", 0))[0]
        self.refusal: str | None = scope.get("extensions", {}).get(REFUSAL)
        self.answer_headers: list[tuple[str, str]] = []
        self.started = False
        # A client that waits for 100 Continue and is refused does not send its body. The connection has to end then.
        self._withheld = "expect" in self.head.headers
        self._receive = receive
        self._send = send

    async def stream(self) -> AsyncIterator[bytes]:
        """The parts of the request's body as they arrive. Raises ClientGone."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            self._withheld = False
            if message.get("body"):
                yield message["body"]

    async def body(self, limit: int, too_large: Callable[[int], AwsError] = body_too_large) -> bytes:
        """The whole body. Raises ``too_large(limit)`` if it has more than ``limit`` bytes."""
        declared = self.head.headers.get("content-length", "0")
        if not declared.isdigit():
            raise AwsError("BadRequest", "The Content-Length header must be a number.")
        if int(declared) > limit:
            raise too_large(limit)
        chunks, size = [], 0
        async for chunk in self.stream():
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            chunks.append(chunk)
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    async def start(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Sends the head of the answer."""
        self.started = True
        closing = (("Connection", "close"),) if self._withheld else ()
        every = (*headers, *self.answer_headers, *closing)
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode("latin-1"), value.encode("utf-8")) for name, value in every],
            }
        )

    async def send_body(self, chunk: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def respond(self, response: Response) -> None:
        """Sends an answer; one in parts as the parts come."""
        if isinstance(response.body, bytes):
            await self.answer(response.status, response.headers.items(), response.body)
            return
        await self.start(response.status, response.headers.items())
        async for part in response.body:
            await self.send_body(part, more=True)
        await self.send_body(b"", more=False)

    async def answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """Sends a whole answer, without its body for a HEAD request. 204 and 304 have no body and no length."""
        bodiless = status in (204, 304)
        length = () if bodiless else (("Content-Length", str(len(body))),)
        await self.start(status, (*headers, *length))
        await self.send_body(b"" if bodiless or self.head.method == "HEAD" else body, more=False)
