"""An HTTP exchange over raw ASGI: the request's head, its body as a whole or as a stream, and the answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from harness.access.rules.object_body import BodyCheck
from harness.core.calls import body_too_large
from harness.core.errors import AwsError
from harness.gateway.identify import Head
from harness.gateway.wire.codec import Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


REFUSAL = "harness.refusal"
"""The ASGI extension with the sentence that refuses every request of a connection, or None."""


# At most a petabyte, which no limit allows.
_LENGTH = re.compile(r"[0-9]{1,15}")
_SINGULAR = frozenset(
    ("authorization", "content-encoding", "content-length", "content-type", "host", "smithy-protocol")
)


def _joined(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Value by name; values of a repeated header with commas between them (RFC 9110, 5.3)."""
    joined: dict[str, str] = {}
    for name, value in headers:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _doubled(headers: Iterable[tuple[str, str]]) -> str | None:
    """The first header with one value only that is there twice; None if there is none."""
    seen: set[str] = set()
    for name, _ in headers:
        singular = name in _SINGULAR or (name.startswith("x-amz-") and not name.startswith("x-amz-meta-"))
        if singular and name in seen:
            return name
        seen.add(name)
    return None


class ClientGone(Exception):
    """The client hung up before its request was complete."""


class Exchange:
    """A request and its answer.

    raw_headers: in the order in which they came, with repeats; names in lower case. source: the client's address.
    refusal: why nothing on this connection is served, or None. answer_headers: of every answer, whatever it is.
    doubled: a header that says who or what a request is for and is there twice, or None. started: whether the answer's
    head has been sent. refused_content: why the body's content was refused while it was streamed, or None.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.raw_headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        self.head = Head(
            method=scope["method"],
            path=scope["raw_path"].decode("latin-1"),
            query=scope["query_string"].decode("latin-1"),
            headers=_joined(self.raw_headers),
        )
        self.doubled = _doubled(self.raw_headers)
        self.source = (scope.get("client") or ("127.0.0.1", 0))[0]
        self.refusal: str | None = scope.get("extensions", {}).get(REFUSAL)
        self.answer_headers: list[tuple[str, str]] = []
        self.started = False
        self.refused_content: AwsError | None = None
        # A client that waits for 100 Continue and is refused does not send its body. The connection has to end then.
        self._withheld = "expect" in self.head.headers
        self._receive = receive
        self._send = send

    async def stream(self, check: BodyCheck | None = None) -> AsyncIterator[bytes]:
        """The parts of the request's body as they arrive. Raises ClientGone, and AwsError if ``check`` refuses them."""
        try:
            async for part in self._parts():
                if check is not None:
                    check.feed(part)
                yield part
            if check is not None:
                check.finish()
        except AwsError as error:
            self.refused_content = error
            raise

    async def _parts(self) -> AsyncIterator[bytes]:
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
        if not _LENGTH.fullmatch(declared):
            raise AwsError("BadRequest", "The Content-Length header must be a number.")
        if int(declared) > limit:
            raise too_large(limit)
        chunks, size = [], 0
        async for chunk in self._parts():
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
