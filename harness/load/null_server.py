"""A server that does nothing: it answers every request with the same few bytes at once.

The time of a request to it is the generator's own overhead. It runs as a program, because in the generator's process it
would take the generator's time; it prints its port, and ends when its standard input ends.
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class NullServer(asyncio.Protocol):
    """Answers each complete request and keeps the connection; it knows bodies by Content-Length only."""

    def __init__(self) -> None:
        self._missing = 0
        self._head = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        while data:
            if self._missing:
                received = min(self._missing, len(data))
                self._missing -= received
                data = data[received:]
                if not self._missing:
                    self.answer()
                continue
            head, end, rest = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head, data = b"", rest
            self._missing = content_length(head)
            if not self._missing:
                self.answer()

    def answer(self) -> None:
        self._transport.write(ANSWER)


def content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length":
            return int(value)
    return 0


async def serve(protocol: type[NullServer] = NullServer) -> None:
    """Listen on a free port of loopback, print the port, and serve until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
