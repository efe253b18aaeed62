"""When requests are to start: rates over time, and the arrivals that follow from them. Pure, and the same for a seed.

A schedule is a rate in requests a second, linear piece by piece. Its integral L(t) is how many arrivals are expected up
to t, and an arrival is a point of L: evenly spaced arrivals lie at L = 0, 1, 2, ..., those of a Poisson process at the
points of a unit-rate one (the time-change theorem), whatever shape the rate has.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

from harness.core.errors import HarnessError

CYCLE_PIECES = 96
"""Straight pieces of a day's cosine: its rate is then off by less than 0.06 % of the swing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """So many seconds in which the rate goes evenly from one value to another, both in requests a second."""

    seconds: float
    start_rate: float
    end_rate: float

    @property
    def expected(self) -> float:
        return self.seconds * (self.start_rate + self.end_rate) / 2

    def reach(self, arrivals: float) -> float:
        """Seconds from the piece's start until so many arrivals (at most ``expected``) have come."""
        return reach(self.seconds, self.start_rate, self.end_rate, arrivals)


def reach(seconds: float, start_rate: float, end_rate: float, arrivals: float) -> float:
    """As Piece.reach: plain arithmetic, which numba compiles for the simulator as it is."""
    if start_rate == end_rate:  # what comes below gives just the same, with a root and another division
        return min(seconds, arrivals / start_rate) if start_rate > 0 else 0.0
    slope = (end_rate - start_rate) / seconds
    # The root that stays exact where the slope is next to nothing.
    root = math.sqrt(max(0.0, start_rate**2 + 2 * slope * arrivals))
    divisor = start_rate + root
    return min(seconds, 2 * arrivals / divisor) if divisor > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A rate over time. Raises HarnessError for a rate that is negative or no number, and for pieces without length."""

    pieces: tuple[Piece, ...]

    def __post_init__(self) -> None:
        for piece in self.pieces:
            for rate in (piece.start_rate, piece.end_rate):
                if not (math.isfinite(rate) and rate >= 0):
                    raise HarnessError(f"A rate of {rate:g} requests a second is none: give a number of 0 or more.")
            if not (math.isfinite(piece.seconds) and piece.seconds > 0):
                raise HarnessError(f"A schedule of {piece.seconds:g} s is none: give a time above 0.")
        if not self.expected > 0:
            raise HarnessError("The schedule has no arrivals: give it a rate above 0.")

    @property
    def seconds(self) -> float:
        return math.fsum(piece.seconds for piece in self.pieces)

    @property
    def expected(self) -> float:
        """Arrivals expected over the whole."""
        return math.fsum(piece.expected for piece in self.pieces)

    @property
    def peak(self) -> float:
        """The highest rate, requests a second."""
        return max(max(piece.start_rate, piece.end_rate) for piece in self.pieces)

    def scaled(self, rate: float = 1.0, time: float = 1.0) -> Schedule:
        """The same shape with every rate times ``rate`` and every length times ``time``."""
        return Schedule(
            tuple(Piece(each.seconds * time, each.start_rate * rate, each.end_rate * rate) for each in self.pieces)
        )

    def fitted(self, peak: float, seconds: float) -> Schedule:
        """The same shape with its highest rate and its whole length as given."""
        return self.scaled(peak / self.peak, seconds / self.seconds)


def constant(rate: float, seconds: float) -> Schedule:
    return Schedule((Piece(seconds, rate, rate),))


def ramp(first: float, last: float, seconds: float) -> Schedule:
    """Evenly from one rate to another."""
    return Schedule((Piece(seconds, first, last),))


def steps(rates: Sequence[float], seconds: float) -> Schedule:
    """One rate after the other, for equal parts of the time."""
    if not rates:
        raise HarnessError("A schedule of steps needs at least one rate.")
    return Schedule(tuple(Piece(seconds / len(rates), rate, rate) for rate in rates))


def spike(base: float, peak: float, seconds: float, at: float, width: float) -> Schedule:
    """The base rate, and the peak rate from second ``at`` on for ``width`` seconds."""
    after = seconds - at - width
    if at < 0 or width <= 0 or after < 0:
        raise HarnessError(f"A spike from {at:g} s to {at + width:g} s is not within a schedule of {seconds:g} s.")
    pieces = ((at, base), (width, peak), (after, base))
    return Schedule(tuple(Piece(length, rate, rate) for length, rate in pieces if length > 0))


def daily_cycle(trough: float, peak: float, seconds: float, days: int = 1) -> Schedule:
    """Days that begin and end at the trough and have their peak at noon, as a cosine, in so many seconds together."""

    def rate(point: int) -> float:
        return trough + (peak - trough) * (1 - math.cos(2 * math.pi * point / CYCLE_PIECES)) / 2

    length = seconds / (days * CYCLE_PIECES)
    return Schedule(tuple(Piece(length, rate(point), rate(point + 1)) for point in range(CYCLE_PIECES)) * days)


def even(schedule: Schedule) -> Iterator[float]:
    """Arrivals as evenly as the rate allows, ascending, in seconds from the schedule's start."""
    return _at(schedule, (float(number) for number in count()))


def poisson(schedule: Schedule, seed: int) -> Iterator[float]:
    """Arrivals of independent callers (a Poisson process of that rate), ascending, in seconds from the start."""
    return _at(schedule, _unit_process(random.Random(seed)))  # noqa: S311 - a simulation, no secret


def share(arrivals: Iterable[float], index: int, of: int) -> Iterator[float]:
    """Every ``of``-th arrival from the ``index``-th on: shares of the same arrivals are disjoint and together whole."""
    return islice(arrivals, index, None, of)


def _unit_process(draw: random.Random) -> Iterator[float]:
    point = 0.0
    while True:
        point += draw.expovariate(1.0)
        yield point


def _at(schedule: Schedule, points: Iterator[float]) -> Iterator[float]:
    """The times at which the expected arrivals reach each of the ascending points."""
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
