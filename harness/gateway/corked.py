"""A transport that sends the head and the body of an answer with one system call.

uvicorn writes them one after the other: these would be two system calls, and the client would wake for the head alone.
"""

from __future__ import annotations

import asyncio
from typing import Any


class CorkedTransport:
    """A transport that gathers the writes of one turn of the event loop into one write."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._written: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._written:
            asyncio.get_running_loop().call_soon(self._flush)
        self._written.append(data)

    def close(self) -> None:
        """Sends what was written, and closes the transport."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._written:
            data = b"".join(self._written)
            self._written.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
