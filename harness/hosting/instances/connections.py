"""Connections of HTTP/1.1 to one container, for requests whose answers are read as a whole.

A general HTTP client would be two fifths of what a small InvokeEndpoint costs the gateway. This one costs a part of
that, because it does only what the container contract needs: one request at a time on each kept-alive connection.
Redirects, cookies and compression are the caller's business, not SageMaker's.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import cast

import httptools
from multidict import CIMultiDict

from harness.hosting.instances.base import Answer, AnswerTooLarge, InvocationFailed, MalformedAnswer
from harness.hosting.rules import sizes

HEAD_LIMIT = 65_536
"""Bytes of an answer's status line and headers together; ours. A container's are a few hundred."""

_HEAD_TOO_LARGE = f"the answer's head is larger than {HEAD_LIMIT:,} bytes"


class Connections:
    """Kept-alive connections to one address. keep_alive: seconds for which an idle connection may still be used."""

    def __init__(self, host: str, port: int, keep_alive: float) -> None:
        self._address = (host, port)
        self._host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._keep_alive = keep_alive
        self._idle: deque[_Connection] = deque()
        self._all: set[_Connection] = set()

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends one request and reads its whole answer. Raises InvocationFailed. Cancelling it ends its connection."""
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        head = "\r\n".join(lines)
        if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
            raise InvocationFailed("A header has a line break in it.")
        connection = self._unused() or await self._open()
        try:
            answer = await connection.send(head.encode("utf-8", "surrogateescape") + body)
        except BaseException:
            connection.abort()
            raise
        if connection.usable:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.abort()
        return answer

    def close(self) -> None:
        """Ends all connections; requests under way fail."""
        for connection in [*self._all]:
            connection.abort()

    def _unused(self) -> _Connection | None:
        """The idle connection that was used last. Those that have been idle for too long are ended."""
        oldest = asyncio.get_running_loop().time() - self._keep_alive
        while self._idle and self._idle[0].idle_since < oldest:
            self._idle.popleft().abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.abort()
        return None

    async def _open(self) -> _Connection:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self._all), *self._address
            )
        except OSError as error:
            raise InvocationFailed(f"no connection: {error}") from None
        return connection


class _Connection(asyncio.Protocol):
    """One connection. usable: whether another request may be sent on it. among: the connections that live."""

    def __init__(self, among: set[_Connection]) -> None:
        self._among = among
        self._parser = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self.usable = False
        self.idle_since = 0.0
        self._begin()

    def _begin(self) -> None:
        self._reason = b""
        self._headers: CIMultiDict[str] = CIMultiDict()
        self._head_size = 0
        self._in_head, self._unparsed = True, 0
        self._body: list[bytes] = []
        self._body_size = 0
        self._to_the_end = False

    async def send(self, request: bytes) -> Answer:
        if not self.usable:  # it has ended, and no answer would ever come
            raise InvocationFailed("the connection ended before the request")
        self.usable = False
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def abort(self) -> None:
        self.usable = False
        self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, because uvloop's transports are not subclasses of asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        self._among.add(self)
        self.usable = True

    def connection_lost(self, error: Exception | None) -> None:
        self._among.discard(self)
        self.usable = False
        if self._to_the_end and error is None:
            self._finish()
        self._fail(InvocationFailed(f"the connection ended before the answer{f': {error}' if error else ''}"))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._fail(MalformedAnswer("the answer asks for another protocol"))
        except httptools.HttpParserError as error:
            self._fail(MalformedAnswer(f"the answer is not HTTP: {error.__context__ or error}"))
        else:
            if self._in_head:  # the parser itself gathers a header until its end comes
                self._unparsed += len(data)
                if self._unparsed > HEAD_LIMIT:
                    self._fail(MalformedAnswer(_HEAD_TOO_LARGE))
                    self.abort()

    # httptools' callbacks

    def on_message_begin(self) -> None:
        if self._answer is None or self._answer.done():
            self.abort()  # an answer without a request
        self._begin()

    def on_status(self, reason: bytes) -> None:
        self._reason += reason
        self._count(len(reason))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        self._headers.add(name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))

    def on_headers_complete(self) -> None:
        self._in_head, self._unparsed = False, 0
        bare = self._parser.get_status_code() in (204, 304)
        self._to_the_end = (
            not bare and "Content-Length" not in self._headers and "Transfer-Encoding" not in self._headers
        )

    def on_body(self, body: bytes) -> None:
        self._body_size += len(body)
        if self._body_size > sizes.ANSWER_LIMIT:
            self._body.clear()
            self._fail(AnswerTooLarge(f"the answer is larger than {sizes.ANSWER_LIMIT:,} bytes"))
            self.abort()
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._parser.get_status_code() >= 200:  # else it is an interim response, and the answer follows
            self.usable = self._parser.should_keep_alive()
            self._finish()

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_LIMIT:
            raise MalformedAnswer(_HEAD_TOO_LARGE)

    def _finish(self) -> None:
        if self._answer is not None and not self._answer.done():
            reason = self._reason.decode("utf-8", "surrogateescape")
            body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
            self._answer.set_result(Answer(self._parser.get_status_code(), reason, self._headers, body))

    def _fail(self, error: InvocationFailed) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
