"""Closed and open loops of requests on one event loop, and what came of each request. Times are seconds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the model's container. status: its HTTP status, 0 where none came; says: why not, in that case."""

    status: int
    content_type: str = "application/octet-stream"
    body: bytes = b""
    says: str = ""


Ask = Callable[[], Awaitable[Reply]]
"""Sends one request and waits for its answer; a failure is a Reply too."""


@dataclass(frozen=True, slots=True)
class Timed:
    """One request. intended: when it was to start, the same as ``begun`` in a closed loop."""

    intended: float
    begun: float
    ended: float
    reply: Reply

    @property
    def seconds(self) -> float:
        """What a caller waited from when the request was to start."""
        return self.ended - self.intended


@dataclass(frozen=True, slots=True)
class Loop:
    """What came of a loop. answers: in the order of their requests; rate: answers a second while it lasted; unanswered:
    requests of an open loop that were under way when it was over."""

    answers: tuple[Timed, ...]
    rate: float
    unanswered: int = 0


async def closed_loop(ask: Ask, callers: int, requests: int) -> Loop:
    """``callers`` send back to back until ``requests`` are answered, all of them with as many callers beside them.

    The callers go on until the last of the requests that count is answered: those beyond them are fill and left out, so
    that none of what counts had fewer neighbours at its end.
    """
    loop = asyncio.get_running_loop()
    counted: list[Timed | None] = [None] * requests
    state = {"sent": 0, "open": requests}
    begun = loop.time()
    ends: list[float] = []

    async def caller() -> None:
        while state["open"]:
            number = state["sent"]
            state["sent"] += 1
            one = await _timed(ask, loop.time())
            if not state["open"] and one.ended > ends[-1]:
                return
            ends.append(one.ended)
            if number < requests:
                counted[number] = one
                state["open"] -= 1

    await _together([caller() for _ in range(callers)])
    rate = len(ends) / max(ends[-1] - begun, 1e-9)
    return Loop(tuple(one for one in counted if one is not None), rate)


async def open_loop(ask: Ask, rate: float, requests: int) -> Loop:
    """``requests`` starts evenly spaced at ``rate`` a second, whatever the answers do; waits for all answers.

    Its rate is that of the answers from the first one on until the last interval was over: less than ``rate`` where
    requests pile up.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting: list[asyncio.Task[Timed]] = []
    try:
        for number in range(requests):
            intended = begun + number / rate
            await asyncio.sleep(max(0.0, intended - loop.time()))
            waiting.append(asyncio.create_task(_timed(ask, intended)))
        answers = await asyncio.gather(*waiting)
    finally:
        await _cancelled(waiting)
    over = begun + requests / rate
    in_time = sorted(one.ended for one in answers if one.ended <= over)
    answered = (len(in_time) - 1) / max(over - in_time[0], 1e-9) if len(in_time) > 1 else len(in_time) * rate / requests
    return Loop(tuple(answers), min(rate, answered), requests - len(in_time))


async def burst(ask: Ask, requests: int) -> Loop:
    """All at once, and all their answers."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    answers = await _together([_timed(ask, begun) for _ in range(requests)])
    over = max(one.ended for one in answers)
    return Loop(tuple(answers), requests / max(over - begun, 1e-9))


def in_order(answers: Sequence[Timed]) -> float | None:
    """Spearman's rank correlation between the order of requests and of answers; None of fewer than three."""
    n = len(answers)
    if n < 3:
        return None
    by_end = sorted(range(n), key=lambda index: answers[index].ended)
    squares = math.fsum((rank - index) ** 2 for rank, index in enumerate(by_end))
    return 1 - 6 * squares / (n * (n * n - 1))


async def _timed(ask: Ask, intended: float) -> Timed:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    reply = await ask()
    return Timed(intended, begun, loop.time(), reply)


async def _together(work: Sequence[Awaitable[T]]) -> list[T]:
    """All results; the first failure, or a cancellation, ends the rest before it goes on."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        await _cancelled(tasks)


async def _cancelled(tasks: Sequence[asyncio.Future[Any]]) -> None:
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
