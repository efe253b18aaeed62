"""A server that does nothing: whatever is posted to it, it answers the same few bytes at once.

What a request to it takes is the generator's own overhead. Run as a program, because one in the generator's process
would take turns with it; it prints its port, and ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class NullServer(asyncio.Protocol):
    """Answers each complete request on a kept connection; bodies by Content-Length only."""

    def __init__(self) -> None:
        self._wanted = 0
        self._head = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        while data:
            if self._wanted:
                taken = min(self._wanted, len(data))
                self._wanted -= taken
                data = data[taken:]
                if not self._wanted:
                    self.answer()
                continue
            head, end, rest = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head, data = b"", rest
            self._wanted = content_length(head)
            if not self._wanted:
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
    """Listen on a free port of loopback, print it, and go on until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve())
