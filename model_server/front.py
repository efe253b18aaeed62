"""The container's one port, which serves GET /ping and POST /invocations and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from model_server.settings import MAX_REQUEST_BYTES
from model_server.upstream import HttpAnswer, Upstream, forwarded_request_headers

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_METHODS = {"/ping": "GET", "/invocations": "POST"}


class _DisconnectedError(Exception):
    """The client disconnected before its request was read."""


class Front:
    """An ASGI application in front of an upstream.

    ready: called for each request; whether the model is loaded and a worker lives.
    """

    def __init__(self, upstream: Upstream, ready: Callable[[], bool]) -> None:
        self._upstream = upstream
        self._ready = ready
        self.opened = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        answer = await self._answer(scope, receive)
        if answer is None:
            return
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> HttpAnswer | None:
        """The answer to a request; None if the client has disconnected."""
        path = scope["path"]
        allowed = _METHODS.get(path)
        if allowed is None:
            return HttpAnswer.error(
                404, "ResourceNotFoundException", f"There is no {path} here: GET /ping or POST /invocations."
            )
        if scope["method"] != allowed:
            answer = HttpAnswer.error(405, "MethodNotAllowedException", f"{path} takes {allowed} only.")
            return HttpAnswer(answer.status, [*answer.headers, ("Allow", allowed)], answer.body)
        ready = self.opened and self._ready()
        if path == "/ping":
            if ready:
                await self._upstream.ping()
            return (
                HttpAnswer(200, [("Content-Type", "application/json")], b'{"status": "Healthy"}\n')
                if ready
                else HttpAnswer.error(503, "ServiceUnavailableException", "No worker holds the model.")
            )
        if not self.opened:
            return HttpAnswer.error(
                503, "ServiceUnavailableException", "The model is being loaded: wait until GET /ping says 200."
            )
        try:
            body = await _read(scope, receive)
        except _DisconnectedError:
            return None
        if body is None:
            return HttpAnswer.error(
                413, "RequestTooLargeException", f"The body is larger than {MAX_REQUEST_BYTES} bytes."
            )
        return await self._invoke(scope, receive, body)

    async def _invoke(self, scope: MutableMapping[str, Any], receive: Receive, body: bytes) -> HttpAnswer | None:
        # If the client disconnects, its job leaves the queue, as in TorchServe.
        work = asyncio.ensure_future(self._upstream.invoke(forwarded_request_headers(scope["headers"]), body))
        gone = asyncio.ensure_future(receive())
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            for task in (work, gone):
                if not task.done():
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task


async def _read(scope: MutableMapping[str, Any], receive: Receive) -> bytes | None:
    """The whole body; None if it is too large, and then it is not read to its end."""
    declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if int(declared) > MAX_REQUEST_BYTES:
        return None
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _DisconnectedError
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_REQUEST_BYTES:
            return None
        chunks.append(chunk)
        if not message.get("more_body"):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)
