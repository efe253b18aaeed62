"""A model server that is a few lines, in virtual time: what is measured of it is exactly known."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

from harness.measure.loops import Reply

T = TypeVar("T")


class _VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Sleeping takes no time: when nothing else is to do, the next moment at which something is comes at once."""

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        waiting: Any = self
        if not waiting._ready and waiting._scheduled:
            self._now = max(self._now, waiting._scheduled[0]._when)
        super()._run_once()  # type: ignore[misc]


def run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_VirtualTimeLoop) as runner:
        return runner.run(work)


@dataclass
class Server:
    """workers: requests served at once, first in first out; queue: that may wait, the next is answered 503.

    seconds: of a request, the numbers in turn; failing: every so many requests one is answered 500.
    """

    workers: int = 2
    seconds: Sequence[float] = (0.1,)
    queue: int = 100
    failing: int | None = None
    in_service: int = 0
    beside: list[int] = field(default_factory=list)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    async def ask(self) -> Reply:
        if self.in_service == self.workers:
            if len(self._waiting) >= self.queue:
                return Reply(503, says="the queue is full")
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        else:
            self.in_service += 1
        number = next(self._numbers)
        try:
            self.beside.append(self.in_service)
            await asyncio.sleep(self.seconds[number % len(self.seconds)])
        finally:
            if self._waiting:
                self._waiting.pop(0).set_result(None)
            else:
                self.in_service -= 1
        if self.failing is not None and number % self.failing == 0:
            return Reply(500, "text/plain", b"ValueError")
        return Reply(200, "application/json", b'["dog"]')
