"""uvicorn's HTTP protocol with a limit to the head of a request. httptools has none and would fill the memory."""

from __future__ import annotations

import json
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from harness.gateway.corked import CorkedTransport
from harness.gateway.http import REFUSAL
from model_server.peers import refusal_of

HEAD_LIMIT = 65_536
"""Bytes of the target and all headers together. Ours: AWS's services have limits of their own, of 8 to 16 KB."""
# One read may bring the end of a body and the beginning of the next head: uvloop reads up to 256 KiB.
_UNFINISHED_LIMIT = HEAD_LIMIT + 2**18
# S3's words (S3 API reference, error responses).
_CODE = "RequestHeaderSectionTooLarge"
_MESSAGE = "Your request header and query parameters used to make the request exceed the maximum allowed size."


class _TooLarge(Exception):
    """Raised in a callback of httptools, which then ends the request."""


class BoundedProtocol(HttpToolsProtocol):
    """Answers a request that is not HTTP, or whose head is too large, with 400 in AWS's JSON, and hangs up."""

    _in_head = False
    _unfinished = 0
    _code = "BadRequest"

    def connection_made(self, transport: Any) -> None:
        super().connection_made(CorkedTransport(transport))  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._in_head:
            return
        self._unfinished += len(data)
        if self._unfinished > _UNFINISHED_LIMIT and not self.transport.is_closing():
            self._code = _CODE
            self.send_400_response(_MESSAGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._unfinished = True, 0

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > HEAD_LIMIT:
            self._code = _CODE
            raise _TooLarge
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        message = _MESSAGE if self._code == _CODE else msg
        body = json.dumps({"__type": self._code, "message": message}).encode()
        head = (
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
            f"x-amzn-ErrorType: {self._code}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        transport: Any = self.transport
        transport.write(head.encode() + body)
        transport.close()


class OwnUserBoundedProtocol(BoundedProtocol):
    """BoundedProtocol for a port on loopback: the gateway refuses the requests of other users of the machine."""

    _refusal: str | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        sentence = refusal_of(transport)
        self._refusal = f"{sentence} `harness up --other-users` opens it to them." if sentence else None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {REFUSAL: self._refusal}  # type: ignore[dict-item]
