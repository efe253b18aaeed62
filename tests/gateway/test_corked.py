"""What is written in one turn of the event loop leaves as one write, in order, and before the end."""

from __future__ import annotations

import asyncio
from typing import Any

from harness.gateway.corked import CorkedTransport


class Transport:
    """A transport that keeps the calls."""

    def __init__(self) -> None:
        self.asked: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.asked.append(data)

    def close(self) -> None:
        self.asked.append("close")

    def is_closing(self) -> bool:
        return "close" in self.asked


async def test_head_and_body_are_one_write_and_the_next_turns_another() -> None:
    inner: Any = Transport()
    corked = CorkedTransport(inner)
    corked.write(b"head ")
    corked.write(b"body")
    assert inner.asked == []
    await asyncio.sleep(0)
    corked.write(b"more")
    await asyncio.sleep(0)
    assert inner.asked == [b"head body", b"more"]


async def test_what_was_written_is_sent_before_the_end() -> None:
    inner: Any = Transport()
    corked = CorkedTransport(inner)
    corked.write(b"last words")
    corked.close()
    await asyncio.sleep(0)
    assert inner.asked == [b"last words", "close"]
    assert corked.is_closing()
