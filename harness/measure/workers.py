"""Estimates how many workers an instance has, from its throughput at each number of callers.

In a closed loop n callers keep n workers busy, so that the throughput X(n) grows with each caller until every worker is
busy, and not beyond. The estimate is the smallest n whose throughput is nearly the highest: less than 5 % below it, or
less than 0.4 of one caller's part, whichever is less. Workers beyond the machine's cores add almost no throughput and
are not counted: the estimate is of what serves, not of what is configured.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

TOLERANCE = 0.05
CALLERS_PART = 0.4
GROWTH = 1.1
"""The number of callers exceeds that of the workers if doubling it raises the throughput by less than this factor."""
EVERY = 8
"""Every number of callers up to this one is measured, and larger ones in steps of a quarter."""


def estimate_workers(rates: Mapping[int, Sequence[float]]) -> int:
    """rates: throughput by number of callers, with one value for each round."""
    # Relative to the mean of its round: what slows a whole round cancels out.
    means = [statistics.fmean(values) for values in zip(*rates.values(), strict=True)]
    relative = {
        callers: statistics.median(rate / mean for rate, mean in zip(values, means, strict=True))
        for callers, values in rates.items()
    }
    best = max(relative.values())
    return min(n for n, rate in relative.items() if rate >= best * (1 - min(TOLERANCE, CALLERS_PART / n)))


def busy_workers(rates: Mapping[int, float], callers: int, away: float) -> int:
    """How many of ``callers``, as estimated, keep a worker busy, as some of their requests are always on the way.

    away: seconds of the way to the instance and back. Half of the callers do not wait for each other, and show what
    throughput one caller adds. That gives the callers for the highest throughput, and Little's law how many of these
    are on the way.
    """
    if callers == 1 or away == 0:
        return callers
    half = max(number for number in rates if number <= max(1, callers // 2))
    of_one, highest = rates[half] / half, max(rates.values())
    return max(1, min(callers, round(highest / of_one - highest * away)))


def levels(most: int) -> list[int]:
    """The numbers of callers to measure, ascending, from 1 to ``most``."""
    callers = list(range(1, min(most, EVERY) + 1))
    while callers[-1] < most:
        callers.append(min(most, callers[-1] + max(1, callers[-1] // 4)))
    return callers
