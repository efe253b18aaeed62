"""The forms that traffic can be written in: each with its expression, its meaning and its schedule.

A new form is a class here and an entry in ``TRAFFIC_FORMS``: ``--traffic`` reads it, its help and its errors name it.
Each form is also called with plain numbers, as a locustfile or a test does:

    ramp(first=1, last=20, seconds=1800)      # the schedule of ramp:1/s..20/s:30min
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from harness.core.errors import HarnessError, shown
from harness.core.quantities import parse_duration, parse_rate
from harness.load.schedule import Piece, Schedule

DAY = 86_400.0
"""Seconds."""
CYCLE_PIECES = 96
"""Straight pieces of a day's cosine: its rate is then off by less than 0.06 % of the swing."""


class TrafficForm(ABC):
    """One form of traffic. Rates are requests a second, times are seconds."""

    example: ClassVar[str]
    """An expression with every part, for error messages."""
    usage: ClassVar[str]
    """The expression for help and docs, with optional parts in brackets."""
    meaning: ClassVar[str]
    """What the rate does, for help and docs."""

    @property
    def name(self) -> str:
        """The first word of the expression."""
        return self.example.partition(":")[0]

    @abstractmethod
    def read(self, *parts: Any, **optional: Any) -> Schedule:
        """The schedule of an expression's parts, which are texts. Raises HarnessError for a wrong part."""

    def parse(self, text: str) -> Schedule:
        """The schedule of a whole expression. Raises HarnessError with the form's example."""
        _, *parts = text.split(":")
        try:
            inspect.signature(self.read).bind(*parts)
        except TypeError:  # too few parts, or too many
            raise HarnessError(f"The traffic {shown(text)} is not of the form {self.example}.") from None
        try:
            return self.read(*parts)
        except HarnessError as error:
            raise HarnessError(f"The traffic {shown(text)}: {error} It is of the form {self.example}.") from None


class ConstantTraffic(TrafficForm):
    example = usage = "constant:20/s:1h"
    meaning = "one rate"

    def __call__(self, rate: float, seconds: float) -> Schedule:
        return Schedule((Piece(seconds, rate, rate),))

    def read(self, rate: str, time: str) -> Schedule:
        return self(parse_rate(rate), parse_duration(time))


class RampTraffic(TrafficForm):
    example = usage = "ramp:1/s..20/s:30min"
    meaning = "evenly from one rate to the other"

    def __call__(self, first: float, last: float, seconds: float) -> Schedule:
        return Schedule((Piece(seconds, first, last),))

    def read(self, rates: str, time: str) -> Schedule:
        return self(*_pair(rates), parse_duration(time))


class StepsTraffic(TrafficForm):
    example = usage = "steps:5/s,20/s,5/s:3h"
    meaning = "each rate for an equal part of the time"

    def __call__(self, rates: Sequence[float], seconds: float) -> Schedule:
        if not rates:
            raise HarnessError("A schedule of steps needs at least one rate.")
        return Schedule(tuple(Piece(seconds / len(rates), rate, rate) for rate in rates))

    def read(self, rates: str, time: str) -> Schedule:
        return self([parse_rate(rate) for rate in rates.split(",")], parse_duration(time))


class SpikeTraffic(TrafficForm):
    example = "spike:5/s..50/s:2h:1h:10min"
    usage = "spike:5/s..50/s:2h[:AT[:WIDTH]]"
    meaning = "the second rate in the middle for a tenth of the time, or from AT for WIDTH"

    def __call__(self, base: float, peak: float, seconds: float, at: float, width: float) -> Schedule:
        """The base rate, and the peak rate from second ``at`` on for ``width`` seconds."""
        after = seconds - at - width
        if at < 0 or width <= 0 or after < 0:
            raise HarnessError(f"A spike from {at:g} s to {at + width:g} s is not within a schedule of {seconds:g} s.")
        pieces = ((at, base), (width, peak), (after, base))
        return Schedule(tuple(Piece(length, rate, rate) for length, rate in pieces if length > 0))

    def read(self, rates: str, time: str, at: str | None = None, width: str | None = None) -> Schedule:
        base, peak = _pair(rates)
        seconds = parse_duration(time)
        start = parse_duration(at) if at is not None else seconds / 2
        return self(base, peak, seconds, start, parse_duration(width) if width is not None else seconds / 10)


class DailyTraffic(TrafficForm):
    example = "daily:2/s..40/s"
    usage = "daily:2/s..40/s[:7d]"
    meaning = "lowest at midnight, highest at noon, for one day or the time given"

    def __call__(self, trough: float, peak: float, seconds: float, days: int = 1) -> Schedule:
        """Days that begin and end at the trough and peak at noon, as a cosine; ``seconds`` is the time of all days."""

        def rate(point: int) -> float:
            return trough + (peak - trough) * (1 - math.cos(2 * math.pi * point / CYCLE_PIECES)) / 2

        length = seconds / (days * CYCLE_PIECES)
        return Schedule(tuple(Piece(length, rate(point), rate(point + 1)) for point in range(CYCLE_PIECES)) * days)

    def read(self, rates: str, time: str = "24h") -> Schedule:
        seconds = parse_duration(time)
        return self(*_pair(rates), seconds, max(1, round(seconds / DAY)))


constant, ramp, steps, spike, daily_cycle = (
    ConstantTraffic(),
    RampTraffic(),
    StepsTraffic(),
    SpikeTraffic(),
    DailyTraffic(),
)

TRAFFIC_FORMS: dict[str, TrafficForm] = {form.name: form for form in (constant, ramp, steps, spike, daily_cycle)}


def _pair(text: str) -> tuple[float, float]:
    first, dots, second = text.partition("..")
    if not dots:
        raise HarnessError(f"{shown(text)} is not a pair of rates.")
    return parse_rate(first), parse_rate(second)
