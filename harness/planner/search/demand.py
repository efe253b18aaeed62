"""A traffic's demand: the few rates that the search sizes its candidates by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.load.traffic import Traffic, bins
from harness.load.traffic_forms import DAY
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN

_BIN = DEFAULT_COOLDOWN  # seconds: a peak shorter than the scale-out cooldown comes and goes before scaling acts
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Demand:
    """Rates in requests a second.

    first, trough, peak: of the first, the quietest and the busiest five minutes. minute: of the busiest minute.
    sustained: 99 % of the requests come in five minutes of at most this rate. hours: the busiest five minutes of each
    hour of the day, UTC; None where days are not known to be alike: for a single recorded day, and for traffic that is
    shorter than a day.
    """

    first: float
    trough: float
    mean: float
    peak: float
    minute: float
    sustained: float
    hours: tuple[float, ...] | None

    def share(self, part: float) -> Demand:
        """The demand on a variant that gets this part of the traffic."""
        return Demand(
            first=self.first * part,
            trough=self.trough * part,
            mean=self.mean * part,
            peak=self.peak * part,
            minute=self.minute * part,
            sustained=self.sustained * part,
            hours=self.hours and tuple(rate * part for rate in self.hours),
        )


def demand(traffic: Traffic) -> Demand:
    """The demand of the whole traffic."""
    schedule = traffic.schedule
    rates = bins(schedule, _BIN)
    order = np.sort(rates)
    sums = np.cumsum(order)
    hours: list[float] | None = None
    days = schedule.seconds / DAY
    if days >= 1 if traffic.begins is None else days >= 2:
        hours = [0.0] * _HOURS
        for index, rate in enumerate(rates):
            hour = int((traffic.clock + index * _BIN) % DAY // 3600)
            hours[hour] = max(hours[hour], float(rate))
    return Demand(
        first=float(rates[0]),
        trough=float(order[0]),
        mean=schedule.expected / schedule.seconds,
        peak=float(order[-1]),
        minute=float(bins(schedule, 60.0).max()),
        sustained=float(order[int(np.searchsorted(sums, 0.99 * sums[-1]))]),
        hours=tuple(hours) if hours is not None else None,
    )
