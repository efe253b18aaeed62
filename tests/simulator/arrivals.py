"""When the simulator's requests arrive, computed without its kernel: a second opinion on draws and time change."""

from __future__ import annotations

import math

from harness.load.schedule import Schedule
from harness.simulator.draws import keys
from harness.simulator.state import ARRIVAL

_MASK = 2**64 - 1


def uniform(seed: int, stream: int, number: int, attempt: int = 0) -> float:
    """SplitMix64's finalizer over a counter, in Python's own integers."""
    value = int(keys(seed)[stream]) + number * 0x9E3779B97F4A7C15 + attempt * 0xD1342543DE82EF95 & _MASK
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & _MASK
    return ((value ^ value >> 31) >> 11) * 2.0**-53


def arrivals_of(traffic: Schedule, seed: int) -> list[float]:
    """Returns the points of a unit-rate Poisson process, each at the time at which so many arrivals are expected."""
    times: list[float] = []
    point, number, begun, before = 0.0, 0, 0.0, 0.0
    for piece in traffic.pieces:
        while True:
            following = point - math.log(1 - uniform(seed, ARRIVAL, number))
            if following >= before + piece.expected:
                break
            point, number = following, number + 1
            times.append(begun + piece.reach(point - before))
        begun, before = begun + piece.seconds, before + piece.expected
    return times
