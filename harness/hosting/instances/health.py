"""Pings an instance while it is in service, so that one that hangs is found and replaced.

SageMaker sends periodic GET requests to ``/ping`` for as long as a container runs, and each has 2 s (SM guide,
your-algorithms-inference-code). How often, and after how many failures it gives a container up, AWS does not publish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from harness.core import tasks
from harness.core.clock import Clock, WallClock
from harness.hosting.rules import timeouts

# A ping that failed so much later than its 2 s says that this process was stopped or too busy, not the instance.
_LATE_SECONDS = 1.0


async def unanswered(
    ping: Callable[[], Awaitable[bool]], clock: Clock | None = None, doubted: asyncio.Event | None = None
) -> str:
    """Returns when so many pings in a row have failed that the instance is given up: a sentence's end that says so.

    ping: whether the instance answers; it has to return within PING_SECONDS. clock: of the pauses between pings; the
    wall's by default, because the instance's own speed is the wall's. doubted: set when a request got no answer: one
    failed ping is enough then, and comes at once.
    """
    clock = clock or WallClock()
    loop = asyncio.get_running_loop()
    failed = 0
    while failed < timeouts.PING_FAILURES:
        is_doubted = await _pause(clock, doubted)
        begun = loop.time()
        if await ping():
            failed = 0
        elif is_doubted:
            return "answered neither a request nor a ping"
        elif loop.time() - begun < timeouts.PING_SECONDS + _LATE_SECONDS:
            failed += 1
    return f"did not answer {failed} pings in a row"


async def _pause(clock: Clock, doubted: asyncio.Event | None) -> bool:
    """Waits until the next ping is due; whether that is because of a doubt."""
    if doubted is None:
        await clock.sleep(timeouts.PING_INTERVAL_SECONDS)
        return False
    await tasks.first(clock.sleep(timeouts.PING_INTERVAL_SECONDS), doubted.wait())
    is_doubted = doubted.is_set()
    doubted.clear()
    return is_doubted


async def ended_or_unanswered(ended: Awaitable[object], ping: Callable[[], Awaitable[bool]]) -> str | None:
    """Returns None when ``ended`` is over, or what unanswered() returns if that comes first."""

    async def over() -> None:
        await ended

    return await tasks.first(over(), unanswered(ping))
