"""One HTTP exchange over raw ASGI: the request's head, its body whole or as a stream, and the answer."""

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


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Exchange:
    """A request and its answer. ``head.headers`` has lower-case names; ``raw_headers`` keeps order and repeats.

    source: the client's address.
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
        self.started = False
        # A client that expects a 100 and gets a refusal keeps its body, of which the connection must know.
        self._withheld = "expect" in self.head.headers
        self._receive = receive
        self._send = send

    async def stream(self) -> AsyncIterator[bytes]:
        """The request's body as it arrives."""
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
        """The whole body. Raises AwsError with status 413 beyond ``limit`` bytes; too_large: makes it."""
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
        self.started = True
        closing = (("Connection", "close"),) if self._withheld else ()
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.encode("latin-1"), value.encode("utf-8")) for name, value in (*headers, *closing)],
            }
        )

    async def send_body(self, chunk: bytes, *, more: bool) -> None:
        await self._send({"type": "http.response.body", "body": chunk, "more_body": more})

    async def respond(self, response: Response) -> None:
        """A whole answer, or one whose parts are sent as they come."""
        if isinstance(response.body, bytes):
            await self.answer(response.status, response.headers.items(), response.body)
            return
        await self.start(response.status, response.headers.items())
        async for part in response.body:
            await self.send_body(part, more=True)
        await self.send_body(b"", more=False)

    async def answer(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> None:
        """A whole answer; a HEAD request gets its head only, and 204 and 304 have no body to count."""
        bare = status in (204, 304)
        length = () if bare else (("Content-Length", str(len(body))),)
        await self.start(status, (*headers, *length))
        await self.send_body(b"" if bare or self.head.method == "HEAD" else body, more=False)
