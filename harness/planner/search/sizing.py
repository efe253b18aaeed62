"""How many instances and environments a traffic takes, by queueing theory: where the search looks first. Pure.

Rates are requests a second, times seconds. Nothing here is a prediction: the simulator has the last word.
"""

from __future__ import annotations

import math

from harness.core.profile import Profile

_ROUNDING = 1e-9


def saturation(profile: Profile) -> float:
    """The most that one instance answers: as measured, else what its workers can do by their service times."""
    if profile.saturation_rate is not None:
        return profile.saturation_rate
    return profile.workers / profile.service_times[-1].mean


def instances(rate: float, per_instance: float) -> int:
    """Instances that bear a rate, at least 1."""
    return max(1, math.ceil(rate / per_instance - _ROUNDING))


def erlang_c(servers: int, load: float) -> float:
    """The probability that a request waits in M/M/c; load: rate times service time, below ``servers``.

    By the recursion of Erlang's B. Source: Kleinrock, Queueing Systems I, section 3.5.
    """
    if load >= servers:
        return 1.0
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked))


def p99(profile: Profile, rate: float) -> float:
    """About what 99 % of the requests at one instance do not exceed: the service time's p99 and that of the wait.

    The wait is M/M/c's, shortened as the service time's variance makes it (Allen and Cunneen); infinite at saturation.
    """
    capacity = saturation(profile)
    if rate >= capacity:
        return math.inf
    level = profile.service_times[-1]
    variation = _squared_variation(level.quantiles, level.mean)
    waits = erlang_c(profile.workers, profile.workers * rate / capacity)
    wait = max(0.0, math.log(waits / 0.01)) / (capacity - rate) * (1 + variation) / 2 if waits > 0 else 0.0
    return level.quantile(0.99) + wait


def concurrency(profile: Profile, rate: float) -> float:
    """Requests at one instance at once on average at a rate below saturation (Little's law), in service and waiting."""
    capacity = saturation(profile)
    busy = min(rate / capacity, 0.99)
    level = profile.service_times[-1]
    wait = erlang_c(profile.workers, profile.workers * busy) / (capacity * (1 - busy))
    return rate * (level.mean + wait * (1 + _squared_variation(level.quantiles, level.mean)) / 2)


def _squared_variation(quantiles: tuple[float, ...], mean: float) -> float:
    if mean <= 0:
        return 0.0
    return sum((each / mean - 1) ** 2 for each in quantiles) / len(quantiles)
