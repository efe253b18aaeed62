"""What a traffic asks for, in the few rates that the search sizes its candidates by. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.load.traffic import DAY, Traffic, bins

_BIN = 300.0  # seconds: a scale-out cooldown of AWS's default length, shorter peaks come and go before it acts
_HOURS = 24


@dataclass(frozen=True, slots=True)
class Demand:
    """Rates in requests a second: of the first five minutes, the quietest, the mean and the busiest five, the busiest
    minute. sustained: 99 % of the requests come in five minutes of at most this rate. hours: the busiest five minutes
    of each hour of the day, UTC; None where it is not known that days are alike: of a single recorded day, and of
    traffic shorter than a day.
    """

    first: float
    trough: float
    mean: float
    peak: float
    minute: float
    sustained: float
    hours: tuple[float, ...] | None

    def share(self, of: float) -> Demand:
        """The part that one variant gets."""
        return Demand(
            first=self.first * of,
            trough=self.trough * of,
            mean=self.mean * of,
            peak=self.peak * of,
            minute=self.minute * of,
            sustained=self.sustained * of,
            hours=self.hours and tuple(rate * of for rate in self.hours),
        )


def demand(traffic: Traffic) -> Demand:
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
