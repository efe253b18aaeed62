"""When requests start: rates over time, and the arrivals that follow from them. A seed repeats its arrivals.

A schedule is a rate in requests a second, linear piece by piece. Its integral L(t) is the number of arrivals that are
expected up to t, and an arrival is a point of L: evenly spaced arrivals lie at L = 0, 1, 2, ..., those of a Poisson
process at the points of a unit-rate process (the time-change theorem), whatever shape the rate has.

``traffic_forms`` makes schedules (constant, ramp, ...), ``traces`` makes them from recorded traffic.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, islice

from harness.core.errors import HarnessError


@dataclass(frozen=True, slots=True)
class Piece:
    """Seconds in which the rate goes evenly from one value to another, both in requests a second."""

    seconds: float
    start_rate: float
    end_rate: float

    @property
    def expected(self) -> float:
        """Arrivals expected in the piece."""
        return self.seconds * (self.start_rate + self.end_rate) / 2

    def reach(self, arrivals: float) -> float:
        """Seconds from the piece's start until that many arrivals (at most ``expected``) have come."""
        return reach(self.seconds, self.start_rate, self.end_rate, arrivals)


def reach(seconds: float, start_rate: float, end_rate: float, arrivals: float) -> float:
    """Do what Piece.reach does in plain arithmetic, which numba compiles for the simulator as it is."""
    if start_rate == end_rate:  # the formula below gives the same, with a root and another division
        return min(seconds, arrivals / start_rate) if start_rate > 0 else 0.0
    slope = (end_rate - start_rate) / seconds
    # The form of the root that stays exact where the slope is next to nothing.
    root = math.sqrt(max(0.0, start_rate**2 + 2 * slope * arrivals))
    divisor = start_rate + root
    return min(seconds, 2 * arrivals / divisor) if divisor > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rate over time. Raises HarnessError for a rate that is negative or no number, and for a piece of no length."""

    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        for piece in self.pieces:
            for rate in (piece.start_rate, piece.end_rate):
                if not (math.isfinite(rate) and rate >= 0):
                    raise HarnessError(f"There cannot be {rate:g} requests a second: give a number of 0 or more.")
            if not (math.isfinite(piece.seconds) and piece.seconds > 0):
                raise HarnessError(f"A schedule cannot last {piece.seconds:g} s: give a time above 0.")
        if not self.expected > 0:
            raise HarnessError("The schedule has no arrivals: give it a rate above 0.")

    @property
    def seconds(self) -> float:
        return math.fsum(piece.seconds for piece in self.pieces)

    @property
    def expected(self) -> float:
        """Arrivals expected in the whole schedule."""
        return math.fsum(piece.expected for piece in self.pieces)

    @property
    def peak(self) -> float:
        """The highest rate, requests a second."""
        return max(max(piece.start_rate, piece.end_rate) for piece in self.pieces)

    def scaled(self, rate: float = 1.0, time: float = 1.0) -> Schedule:
        """The same shape with every rate times ``rate`` and every length times ``time``."""
        return Schedule(
            tuple(Piece(piece.seconds * time, piece.start_rate * rate, piece.end_rate * rate) for piece in self.pieces)
        )

    def fitted(self, peak: float, seconds: float) -> Schedule:
        """The same shape with this highest rate and this length."""
        return self.scaled(peak / self.peak, seconds / self.seconds)


def even(schedule: Schedule) -> Iterator[float]:
    """Arrivals as evenly spaced as the rate allows, ascending, in seconds from the schedule's start."""
    return _at(schedule, (float(number) for number in count()))


def poisson(schedule: Schedule, seed: int) -> Iterator[float]:
    """Arrivals of independent callers (a Poisson process of that rate), ascending, in seconds from the start."""
    return _at(schedule, _unit_process(random.Random(seed)))  # noqa: S311 - a simulation, no secret


def share(arrivals: Iterable[float], index: int, of: int) -> Iterator[float]:
    """Every ``of``-th arrival, beginning with the ``index``-th: the shares are disjoint and together make the whole."""
    return islice(arrivals, index, None, of)


def _unit_process(draw: random.Random) -> Iterator[float]:
    point = 0.0
    while True:
        point += draw.expovariate(1.0)
        yield point


def _at(schedule: Schedule, points: Iterator[float]) -> Iterator[float]:
    """The times at which the number of expected arrivals reaches each of the ascending points."""
    begun, before = 0.0, 0.0
    pieces = iter(schedule.pieces)
    piece = next(pieces)
    for point in points:
        while point >= before + piece.expected:
            begun, before = begun + piece.seconds, before + piece.expected
            following = next(pieces, None)
            if following is None:
                return
            piece = following
        yield begun + piece.reach(point - before)
