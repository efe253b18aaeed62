"""A queueing station: c workers, a first-in-first-out queue with K places, and refusal when the queue is full.

In Kendall's notation it is G/G/c/c+K. A model server is a station: TorchServe has ``workers`` workers and a job queue
of 100, and answers 503 when the queue is full (TorchServe configuration, job_queue_size). Times are seconds of one
clock, and never go back.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Job = TypeVar("Job")
ServiceTime = Callable[[int], float]
"""Gives a job's service time in seconds. Its argument: jobs in service when the job begins, itself included."""


@dataclass(frozen=True, slots=True)
class Departure(Generic[Job]):
    """A served job. It waited ``began - arrived`` seconds, and its service took ``ended - began`` seconds."""

    job: Job
    arrived: float
    began: float
    ended: float


class Station(Generic[Job]):
    """The station's state. workers: at least 1. queue_length: places for waiting jobs; 0 for no queue."""

    def __init__(self, workers: int, queue_length: int, service_time: ServiceTime) -> None:
        if workers < 1 or queue_length < 0:
            raise ValueError(f"a station needs a worker and no negative queue, got {workers} and {queue_length}")
        self._workers = workers
        self._queue_length = queue_length
        self._service_time = service_time
        self._waiting: deque[tuple[Job, float]] = deque()
        self._serving: list[tuple[float, int, Departure[Job]]] = []
        self._order = itertools.count()

    @property
    def in_service(self) -> int:
        return len(self._serving)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    @property
    def due(self) -> float | None:
        """When the next job departs; None if the station is empty."""
        return self._serving[0][0] if self._serving else None

    def arrive(self, job: Job, at: float) -> bool:
        """Takes a job into service or into the queue. Returns False, and refuses the job, if both are full.

        Raises ValueError if a job departs before ``at``: call depart() for it first.
        """
        if self._serving and self._serving[0][0] < at:
            raise ValueError(f"the departures before {at} come first: one is due at {self._serving[0][0]}")
        if len(self._serving) < self._workers:
            self._begin(job, at, at)
            return True
        if len(self._waiting) < self._queue_length:
            self._waiting.append((job, at))
            return True
        return False

    def depart(self, until: float) -> list[Departure[Job]]:
        """Every departure up to and including ``until``, in order. A free worker takes the next waiting job at once."""
        departures = []
        while self._serving and self._serving[0][0] <= until:
            departure = heapq.heappop(self._serving)[2]
            departures.append(departure)
            if self._waiting:
                job, arrived = self._waiting.popleft()
                self._begin(job, arrived, departure.ended)
        return departures

    def _begin(self, job: Job, arrived: float, at: float) -> None:
        ended = at + self._service_time(len(self._serving) + 1)
        heapq.heappush(self._serving, (ended, next(self._order), Departure(job, arrived, at, ended)))
