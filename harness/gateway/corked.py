"""A transport that sends what is written together as one: an answer's head and its body.

uvicorn writes them one after the other. Sent so, they are two system calls, and the client wakes for the head alone.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Corked:
    """A transport whose writes of one turn of the event loop are one."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._written:
            asyncio.get_running_loop().call_soon(self._flush)
        self._written.append(data)

    def close(self) -> None:
        """Like the transport's own, it sends what was written first."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
