"""Clocks: everything that waits takes one, so that minutes of AWS pass quickly in tests and sped-up rehearsals.

A clock's time is Unix seconds. A sped-up clock starts at wall time and runs ahead of it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """A source of time. now: Unix seconds. sleep: waits for seconds of this clock."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class WallClock:
    """The machine's time, sped up. speed: seconds of this clock in one second of wall time."""

    def __init__(self, speed: float = 1.0) -> None:
        self._begin(time.time(), speed)
        self._sleepers: set[asyncio.Future[None]] = set()

    def _begin(self, now: float, speed: float) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self._start = now
        self._monotonic_start = time.monotonic()
        self.speed = speed

    def now(self) -> float:
        # Based on the monotonic clock: if the machine's clock is set, no cooldown changes.
        return self._start + (time.monotonic() - self._monotonic_start) * self.speed

    async def sleep(self, seconds: float) -> None:
        end = self.now() + max(0.0, seconds)
        while True:
            changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.add(changed)
            try:
                await asyncio.wait_for(changed, (end - self.now()) / self.speed)
            except TimeoutError:
                return
            finally:
                self._sleepers.discard(changed)

    def restart(self, speed: float) -> None:
        """Goes back to the machine's time. Must be called on the event loop of sleeps under way."""
        self._go_on(time.time(), speed)

    def change_speed(self, speed: float) -> None:
        """Goes on at another speed, also for sleeps under way. Must be called on their event loop."""
        self._go_on(self.now(), speed)

    def _go_on(self, now: float, speed: float) -> None:
        self._begin(now, speed)
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)


class VirtualClock:
    """Time that only advance() moves, for tests and the simulator."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), waking))
        await waking

    async def advance(self, seconds: float) -> None:
        """Moves the time on, and wakes sleepers in the order of their times."""
        end = self._now + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self._now, _, waking = heapq.heappop(self._sleepers)
            if not waking.done():
                waking.set_result(None)
            await self._settle()
        self._now = end

    @staticmethod
    async def _settle() -> None:
        # Lets tasks that were woken run until they sleep again. Ten turns of the event loop are enough for that.
        for _ in range(10):
            await asyncio.sleep(0)
