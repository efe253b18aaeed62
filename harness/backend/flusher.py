"""Writes what is queued for the backend at intervals, so that no request waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.core import tasks


class Flusher:
    """Calls ``write`` every ``seconds`` of wall time from the first wake() on, never twice at the same time.

    write: writes all that is queued. What it raises is logged, and the next flush tries again.
    """

    def __init__(self, write: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._write = write
        self._seconds = seconds
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Says that something is queued. Never waits."""
        if self._task is None:
            self._task = tasks.keep(self._run, "writing what is queued for the backend")

    async def flush(self) -> None:
        """Writes all that is queued now, and returns when it is written."""
        async with self._writing:
            await self._write()

    async def close(self) -> None:
        """Writes what is left, and stops."""
        await tasks.stop(self._task)
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            # Shielded, so that close() cannot interrupt a write and then lose or repeat it.
            await asyncio.shield(self.flush())
