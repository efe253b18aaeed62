"""How many workers an instance seems to have, from its throughput at each number of callers. Pure.

In a closed loop n callers keep n workers busy, so throughput X(n) grows with each caller until every worker is busy,
and not beyond. The estimate is the smallest n whose throughput is as good as the highest: less than 5 % below it, or
less than 0.4 of a caller's part where that is less. Workers beyond the machine's cores add next to nothing and are not
seen: the estimate is of what serves, not of what is configured.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

TOLERANCE = 0.05
CALLERS_PART = 0.4
GROWTH = 1.1
"""A doubling of callers that raises throughput by less than this part is past the workers."""
EVERY = 8
"""Numbers of callers up to this are all looked at, larger ones in steps of a quarter."""


def estimate_workers(rates: Mapping[int, Sequence[float]]) -> int:
    """rates: throughput by number of callers, one value a round, each round having all numbers."""
    # Each round by its own mean: what slows a whole round alike cancels.
    means = [statistics.fmean(values) for values in zip(*rates.values(), strict=True)]
    relative = {
        callers: statistics.median(rate / mean for rate, mean in zip(values, means, strict=True))
        for callers, values in rates.items()
    }
    best = max(relative.values())
    return min(n for n, rate in relative.items() if rate >= best * (1 - min(TOLERANCE, CALLERS_PART / n)))


def busy_workers(rates: Mapping[int, float], callers: int, away: float) -> int:
    """Of ``callers``, as estimated, those that keep a worker busy: some of their requests are always on the way.

    away: seconds of the way to the instance and back. From the throughput that a caller adds while none waits, as with
    half of them, follow the callers that the highest throughput takes, and by Little's law how many are under way.
    """
    if callers == 1 or away == 0:
        return callers
    half = max(number for number in rates if number <= max(1, callers // 2))
    each, best = rates[half] / half, max(rates.values())
    return max(1, min(callers, round(best / each - best * away)))


def levels(most: int) -> list[int]:
    """Numbers of callers to look at, ascending, from 1 to ``most``."""
    found = list(range(1, min(most, EVERY) + 1))
    while found[-1] < most:
        found.append(min(most, found[-1] + max(1, found[-1] // 4)))
    return found
