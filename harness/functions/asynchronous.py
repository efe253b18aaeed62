"""Asynchronous invocations: accepted at once, run when concurrency is free, and retried when they fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from harness.core import tasks
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.functions.rules.event_invoke import Condition, EventInvokeConfig
from harness.functions.rules.result import InvocationResult

RETRY_DELAYS = (60.0, 120.0)  # seconds before the first and the second retry (Lambda guide, invocation-async)
THROTTLE_DELAYS = (1.0, 300.0)  # seconds: first and longest wait after a throttle (Lambda guide, invocation-async)
WAITING_LIMIT = 32 * 1_048_576
"""Bytes of the events that wait or are delivered; ours, because they are kept in memory."""
EVENT_OVERHEAD = 8_192
"""Bytes of an event without its payload, roughly."""

Ran = tuple[InvocationResult, str]
"""The result of an attempt, and the version that ran."""
Attempt = Callable[[], Awaitable[Ran]]


@dataclass(frozen=True, slots=True)
class Fate:
    """How an event ended. condition: None if the function no longer exists. attempts: number of attempts that ran."""

    condition: Condition | None
    attempts: int
    last: Ran | None


async def deliver(attempt: Attempt, config: Callable[[], EventInvokeConfig], clock: Clock) -> Fate:
    """Run one event with its retries: a limited number after function errors, and until it is too old after throttles
    or errors of Lambda itself.

    Raises nothing. config is called each time, because the configuration may change while an event waits.
    """
    accepted = clock.now()
    failures = 0
    last: Ran | None = None
    wait = THROTTLE_DELAYS[0]
    while True:
        try:
            last = await attempt()
        except AwsError as error:
            if error.status not in (429, 500):
                return Fate(None, failures, last)
            delay, wait = wait, min(wait * 2, THROTTLE_DELAYS[1])
        else:
            if last[0].error_type is None:
                return Fate("Success", failures + 1, last)
            failures += 1
            if failures > config().maximum_retries:
                return Fate("RetriesExhausted", failures, last)
            delay = RETRY_DELAYS[failures - 1]
        if clock.now() + delay - accepted > config().maximum_age:
            return Fate("EventAgeExceeded", failures, last)
        await clock.sleep(delay)


class EventQueue:
    """The events that are being delivered. They are lost when the harness ends."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._size = 0

    def has_room(self, size: int) -> bool:
        """Whether an event with a payload of ``size`` bytes can be accepted."""
        return self._size + size + EVENT_OVERHEAD <= WAITING_LIMIT

    def put(self, event: Coroutine[Any, Any, None], size: int, failed: tasks.Failed | None = None) -> None:
        """Accept an event. event: the coroutine that delivers it; size: of its payload; failed: told what it raises."""
        task = tasks.start(event, "an asynchronous invocation", failed=failed)
        self._tasks.add(task)
        self._size += size + EVENT_OVERHEAD
        task.add_done_callback(lambda done: self._end(done, size))

    def _end(self, task: asyncio.Task[None], size: int) -> None:
        self._tasks.discard(task)
        self._size -= size + EVENT_OVERHEAD

    async def close(self) -> None:
        await tasks.stop(*self._tasks)
