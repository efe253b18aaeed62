"""What happens at set times beside the requests: minutes end, instances come and go, scalable targets are looked at."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from enum import IntEnum

AgendaAction = Callable[[float], None]
"""A function that is called with the time at which it was due."""


class Priority(IntEnum):
    """The order of actions that are due at the same time: the past is recorded before anything changes."""

    MINUTE, METRIC, INSTANCES, LOOK = range(4)


class Agenda:
    """Actions by their times, in seconds of the scaling clock."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Priority, int, AgendaAction]] = []
        self._order = itertools.count()

    def add(self, time: float, priority: Priority, action: AgendaAction) -> None:
        heapq.heappush(self._entries, (time, priority, next(self._order), action))

    @property
    def due(self) -> float:
        """The time of the next action."""
        return self._entries[0][0]

    def take(self) -> AgendaAction:
        """Removes the next action and returns it."""
        return heapq.heappop(self._entries)[3]
