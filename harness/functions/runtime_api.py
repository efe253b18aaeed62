"""Lambda's Runtime API (version 2018-06-01), which awslambdaric calls from inside an execution environment.

Each environment has a listener on a loopback port of its own, because AWS_LAMBDA_RUNTIME_API holds only a host and a
port. Every user of the machine can reach it, and every web page in a browser here: whose a connection is and whether a
page sent the request is asked first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Protocol, cast

import httptools

from model_server import web_pages
from model_server.peers import refusal_of

PREFIX = b"/2018-06-01/runtime/"
ERROR_TYPE = b"lambda-runtime-function-error-type"
HEAD_LIMIT = 65_536
"""Bytes of a request's line and headers; ours. awslambdaric's are a few hundred."""
BODY_LIMIT = 64 * 1_048_576
"""Bytes of a body where AWS has no limit, as for the answer to an asynchronous invocation; ours."""
ACCEPTED = b'{"status":"OK"}\n'


class Runtime(Protocol):
    """The events of a runtime, which the API reports to the environment. The methods must not block.

    The methods for a POST return the status of its answer: 202, or as on AWS 413 if the response is too large and 400
    if the invocation is not the current one.
    """

    @property
    def response_limit(self) -> int | None:
        """Largest size of a response in bytes; None for BODY_LIMIT."""
        ...

    def asks(self) -> None:
        """The runtime asked for its next invocation, so it is idle."""
        ...

    def responds(self, request_id: str, payload: bytes | None) -> int:
        """The handler returned. payload: None if it is larger than the limit."""
        ...

    def fails(self, request_id: str, payload: bytes | None, error_type: str) -> int:
        """The handler raised an exception. payload: None if it is larger than the limit."""
        ...

    def fails_to_start(self, payload: bytes, error_type: str) -> int:
        """The runtime could not load the handler's module."""
        ...


class RuntimeApi:
    """The listener of one environment, and the connection whose request waits for the next invocation."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._waiting: _Connection | None = None
        self.address = ""

    async def start(self) -> None:
        """Start to listen. Afterwards ``address`` is host:port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.address = f"{host}:{port}"

    def deliver(self, headers: Mapping[str, str], payload: bytes) -> None:
        """Answer the waiting request with an invocation. Does nothing if the runtime has just ended."""
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.answer(200, payload, headers)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in [*self._connections]:
            connection.close()

    def _ask(self, connection: _Connection) -> None:
        self._waiting = connection
        self._runtime.asks()

    def _post(self, parts: list[bytes], payload: bytes | None, error_type: str) -> int:
        match parts:
            case [b"invocation", request_id, b"response"]:
                return self._runtime.responds(request_id.decode("latin-1"), payload)
            case [b"invocation", request_id, b"error"]:
                return self._runtime.fails(request_id.decode("latin-1"), payload, error_type)
            case [b"init", b"error"]:
                return self._runtime.fails_to_start(payload or b"", error_type)
        return 404


class _Connection(asyncio.Protocol):
    """A connection of the runtime: HTTP/1.1, one request at a time."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._error_type = ""
        self._body = bytearray()
        self._too_large = False
        self._head_size = 0
        self._in_head = True
        self._refusal: str | None = None
        self._headers: list[tuple[str, str]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, not isinstance: uvloop's transports are not subclasses of asyncio.Transport.
        self._transport = cast("asyncio.Transport", transport)
        self._refusal = refusal_of(transport)
        self._api._connections.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._api._connections.discard(self)
        if self._api._waiting is self:
            self._api._waiting = None

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()
            return
        # The parser itself gathers a header until its end comes.
        self._head_size += len(data) if self._in_head else 0
        if self._head_size > HEAD_LIMIT:
            self.close()

    # ---- callbacks of the parser, with the names that httptools gives them

    def on_message_begin(self) -> None:
        self._url, self._error_type = b"", ""
        self._in_head = True
        self._body.clear()
        self._headers.clear()
        self._too_large = False

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        self._in_head, self._head_size = False, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        if name.lower() == ERROR_TYPE:
            self._error_type = value.decode("latin-1")

    def on_body(self, body: bytes) -> None:
        limit = self._api._runtime.response_limit or BODY_LIMIT
        if len(self._body) + len(body) > limit:
            self._too_large = True
            self._body.clear()
        if not self._too_large:
            self._body += body

    def on_message_complete(self) -> None:
        refusal = self._refusal or web_pages.fault(self._headers)
        if refusal is not None:
            self.answer(403, json.dumps({"errorType": "Forbidden", "errorMessage": refusal}).encode())
            self.close()
            return
        if not self._url.startswith(PREFIX):
            self.answer(404, b"")
            return
        parts = self._url[len(PREFIX) :].split(b"/")
        if self._parser.get_method() == b"GET":
            if parts == [b"invocation", b"next"]:
                self._api._ask(self)
            else:
                self.answer(404, b"")
            return
        status = self._api._post(parts, None if self._too_large else bytes(self._body), self._error_type)
        self.answer(status, ACCEPTED if status == 202 else b"")

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        if self._transport is None:
            return
        lines = [f"HTTP/1.1 {status} -", "Content-Type: application/json", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self._transport.write("\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
