"""How many instances a traffic takes, by queueing theory: where the search looks first.

Rates are requests a second, times seconds. Nothing here is a prediction: the simulator has the last word.
"""

from __future__ import annotations

import math

from harness.core.profile import Profile

_ROUNDING = 1e-9


def saturation(profile: Profile) -> float:
    """The most that one instance answers: as measured, or else what its workers can do by their service times."""
    if profile.saturation_rate is not None:
        return profile.saturation_rate
    return profile.workers / profile.service_times[-1].mean


def instances(load: float, per_instance: float) -> int:
    """How many instances bear a load, at least 1; both in the same unit, such as requests a second."""
    return max(1, math.ceil(load / per_instance - _ROUNDING))


def erlang_c(servers: int, load: float) -> float:
    """The probability that a request waits in M/M/c. load: rate times service time, below ``servers``.

    It follows from Erlang's B, which is computed by recursion. Source: Kleinrock, Queueing Systems I, section 3.5.
    """
    if load >= servers:
        return 1.0
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    busy = load / servers
    return blocked / (1 - busy * (1 - blocked))


def concurrency(profile: Profile, rate: float) -> float:
    """Requests at one instance at once, in service and waiting: the mean at a rate below saturation (Little's law).

    The wait is that of M/M/c, shortened by the variance of the service time (Allen and Cunneen).
    """
    capacity = saturation(profile)
    busy = min(rate / capacity, 0.99)
    level = profile.service_times[-1]
    wait = erlang_c(profile.workers, profile.workers * busy) / (capacity * (1 - busy))
    return rate * (level.mean + wait * (1 + squared_variation(level.quantiles, level.mean)) / 2)


def squared_variation(quantiles: tuple[float, ...], mean: float) -> float:
    """The squared coefficient of variation: the variance over the squared mean."""
    if mean <= 0:
        return 0.0
    return sum((quantile / mean - 1) ** 2 for quantile in quantiles) / len(quantiles)


def rounded(value: float, digits: int = 2) -> float:
    """A number as a person would write a target: with two significant digits."""
    return float(f"{value:.{digits}g}") if value > 0 else 0.0
