"""uvicorn's HTTP protocols for a port that no web page may call, and on loopback no other user of the machine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from model_server import web_pages
from model_server.peers import refusal_of


class NoPageProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol without requests of web pages, which get 403 and the reason.

    In a container's network the port is called by addresses, and by names that only that network knows.
    """

    _served: Any = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._served = self.app

    def on_headers_complete(self) -> None:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in self.headers]
        sentence = self._fault(headers)
        self.app = self._served if sentence is None else _refusing(sentence)
        super().on_headers_complete()

    def _fault(self, headers: list[tuple[str, str]]) -> str | None:
        return web_pages.fault(headers, web_pages.CONTAINER)


class OwnUserProtocol(NoPageProtocol):
    """NoPageProtocol for a port on loopback: requests of other users of the machine get 403 and the reason too."""

    _refusal: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._refusal = refusal_of(transport)

    def _fault(self, headers: list[tuple[str, str]]) -> str | None:
        return self._refusal or web_pages.fault(headers)


def _refusing(sentence: str) -> Any:
    body = sentence.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]

    async def answer(
        _scope: MutableMapping[str, Any], _receive: object, send: Callable[[MutableMapping[str, Any]], Awaitable[None]]
    ) -> None:
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer
