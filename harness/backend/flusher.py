"""What is queued for the backend is written every so often, off the path of any request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable


class Flusher:
    """Calls ``write`` every ``seconds`` of the wall from the first wake() on, never twice at once.

    write: writes all that is queued; must not raise.
    """

    def __init__(self, write: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._write = write
        self._seconds = seconds
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Something is queued. Never waits."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def flush(self) -> None:
        """Returns when all that is queued now has been written, by this call or by one under way."""
        async with self._writing:
            await self._write()

    async def close(self) -> None:
        """Write what is left and stop."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(self._seconds)
            # Shielded, so that close() cannot cut a write in half and do it twice or never.
            await asyncio.shield(self.flush())
