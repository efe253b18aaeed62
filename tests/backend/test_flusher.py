"""The flusher writes what is queued: one write at a time, and no write is interrupted."""

from __future__ import annotations

import asyncio

from harness.backend.flusher import Flusher


class Sink:
    """Writes what is queued once it is allowed to."""

    def __init__(self) -> None:
        self.queued: list[str] = []
        self.written: list[str] = []
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()

    async def write(self) -> None:
        taken, self.queued = self.queued, []
        self.begun.set()
        await self.allowed.wait()
        self.written += taken


async def test_a_flush_waits_for_the_write_that_has_already_taken_its_lines() -> None:
    sink = Sink()
    flusher = Flusher(sink.write, seconds=0.001)
    sink.queued.append("line")
    flusher.wake()
    await sink.begun.wait()
    assert not sink.queued
    flush = asyncio.create_task(flusher.flush())
    await asyncio.sleep(0)
    assert not flush.done()
    sink.allowed.set()
    await flush
    assert sink.written == ["line"]
    await flusher.close()


async def test_closing_in_the_middle_of_a_write_neither_loses_nor_repeats_it() -> None:
    sink = Sink()
    flusher = Flusher(sink.write, seconds=0.001)
    sink.queued.append("first")
    flusher.wake()
    await sink.begun.wait()
    sink.queued.append("second")
    closing = asyncio.create_task(flusher.close())
    await asyncio.sleep(0)
    sink.allowed.set()
    await closing
    assert sink.written == ["first", "second"]
    await asyncio.sleep(0.01)
    assert sink.written == ["first", "second"]
