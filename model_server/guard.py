"""uvicorn's HTTP protocol for a port on loopback, which is for one user of the machine only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_server.peers import refusal_of


class OwnUserProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol for a port on loopback: requests of other users of the machine get 403 and the reason."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        sentence = refusal_of(transport)
        if sentence is not None:
            self.app = _refusing(sentence)


def _refusing(sentence: str) -> Any:
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]

    async def answer(
        _scope: MutableMapping[str, Any], _receive: object, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]
    ) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
