"""What happens at set times beside the requests: the ends of minutes, instances that come and go, looks."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from enum import IntEnum

Action = Callable[[float], None]
"""Takes the time that it is called at."""


class Turn(IntEnum):
    """Who goes first of those of one time: what has been is written down before anything changes."""

    MINUTE, METRIC, INSTANCES, LOOK = range(4)


class Agenda:
    """Actions by their times, in seconds of the scaling clock."""

    def __init__(self) -> None:
        self._entries: list[tuple[float, Turn, int, Action]] = []
        self._order = itertools.count()

    def add(self, time: float, turn: Turn, action: Action) -> None:
        heapq.heappush(self._entries, (time, turn, next(self._order), action))

    @property
    def due(self) -> float:
        """When the next one is."""
        return self._entries[0][0]

    def take(self) -> Action:
        """Removes the next one."""
        return heapq.heappop(self._entries)[3]
