"""Sends requests in closed and open loops on one event loop, and times the answers. Times are in seconds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.core import tasks

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the model's container. status: its HTTP status; 0 if there was no answer, and ``says`` tells why."""

    status: int
    content_type: str = "application/octet-stream"
    body: bytes = b""
    says: str = ""


Ask = Callable[[], Awaitable[Reply]]
"""Sends one request and waits for the answer; a failure is a Reply too."""


@dataclass(frozen=True, slots=True)
class Timed:
    """The times of one request. intended: when it was due; in a closed loop the same as ``begun``."""

    intended: float
    begun: float
    ended: float
    reply: Reply

    @property
    def seconds(self) -> float:
        """The caller's wait from the moment at which the request was due."""
        return self.ended - self.intended


@dataclass(frozen=True, slots=True)
class Loop:
    """The result of a loop.

    answers: in the order of their requests. rate: answers a second while the loop lasted. unanswered: requests of an
    open loop that were under way when its last interval was over.
    """

    answers: tuple[Timed, ...]
    rate: float
    unanswered: int = 0


async def closed_loop(ask: Ask, callers: int, requests: int) -> Loop:
    """``callers`` send back to back until ``requests`` are answered.

    The callers go on until the last counted request is answered, so that every counted request had all callers beside
    it to its end. The requests that they send beyond ``requests`` are not counted.
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
            answer = await _timed(ask, loop.time())
            if not state["open"] and answer.ended > ends[-1]:
                return
            ends.append(answer.ended)
            if number < requests:
                counted[number] = answer
                state["open"] -= 1

    await tasks.together(*(caller() for _ in range(callers)))
    rate = len(ends) / max(ends[-1] - begun, 1e-9)
    return Loop(tuple(answer for answer in counted if answer is not None), rate)


async def open_loop(ask: Ask, rate: float, requests: int) -> Loop:
    """Starts ``requests`` requests, evenly spaced at ``rate`` a second whatever the answers do, and waits for all
    answers.

    The resulting rate is that of the answers, from the first one until the last interval is over. It is below ``rate``
    if requests pile up.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    waiting: list[asyncio.Task[Timed]] = []
    try:
        for number in range(requests):
            intended = begun + number / rate
            await asyncio.sleep(max(0.0, intended - loop.time()))
            waiting.append(tasks.start(_timed(ask, intended), "a measured request", expected=(Exception,)))
        answers = await tasks.together(*waiting)
    finally:
        await tasks.stop(*waiting)
    over = begun + requests / rate
    in_time = sorted(answer.ended for answer in answers if answer.ended <= over)
    answered = (len(in_time) - 1) / max(over - in_time[0], 1e-9) if len(in_time) > 1 else len(in_time) * rate / requests
    return Loop(tuple(answers), min(rate, answered), requests - len(in_time))


async def burst(ask: Ask, requests: int) -> Loop:
    """Sends all requests at once, and waits for all answers."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    answers = await tasks.together(*(_timed(ask, begun) for _ in range(requests)))
    over = max(answer.ended for answer in answers)
    return Loop(tuple(answers), requests / max(over - begun, 1e-9))


def in_order(answers: Sequence[Timed]) -> float | None:
    """Spearman's rank correlation between the orders of requests and of answers; None for fewer than three."""
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
