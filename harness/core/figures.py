"""Writes figures for people: one form for reports, the terminal and messages.

The rounding rule: three significant digits; dollars keep their cents. A figure that is missing (None or not a number)
is a dash.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # numpy and scipy take long to load, and a message needs neither
    from harness.core.statistics import Estimate

NO_FIGURE = "–"
NARROW = "\u202f"
"""A narrow space that does not break, between a number and its unit."""


def seconds(value: float | None) -> str:
    """``4.37 ms``, ``152 ms``, ``1.52 s``: a measured time."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    if abs(value) < 0.9995:
        return f"{_three_digits(value * 1000)}{NARROW}ms"
    return f"{_three_digits(value)}{NARROW}s"


def seconds_range(low: float, high: float) -> str:
    """``196–214 ms``: the unit once where both share it."""
    first, second = seconds(low), seconds(high)
    unit = second.rpartition(NARROW)[2]
    return f"{first.removesuffix(NARROW + unit)}–{second}"


def interval(estimate: Estimate) -> str:
    """A percentile's interval in seconds, or why it has none."""
    if estimate.low is not None and estimate.high is not None:
        return seconds_range(estimate.low, estimate.high)
    return f"not established (needs at least {count(estimate.needs)} requests)"


def percentile(estimate: Estimate) -> str:
    """``152 ms (148–160 ms)``: a percentile of a latency with its interval; a dash without an interval."""
    if not estimate.established:
        return NO_FIGURE
    return f"{seconds(estimate.value)} ({interval(estimate)})"


def signed_seconds(value: float | None) -> str:
    """``+4.37 ms``, ``−152 ms``."""
    if value is None:
        return NO_FIGURE
    return _sign(value) + seconds(abs(value))


def signed_range(estimate: Estimate) -> str:
    """The interval of a difference: ``−3.00 ms to +14.0 ms``."""
    if estimate.low is None or estimate.high is None:
        return NO_FIGURE
    return f"{signed_seconds(estimate.low)} to {signed_seconds(estimate.high)}"


def length_of_time(value: float) -> str:
    """``500 ms``, ``1.5 s``, ``2 min 5 s``, ``1 h 3 min``: how long something lasts, or is set to last."""
    if 0 < value < 0.9995:
        return f"{value * 1000:.3g}{NARROW}ms"
    if value < 59.95:
        return f"{value:.3g}{NARROW}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{NARROW}min" + (f" {rest}{NARROW}s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{NARROW}h" + (f" {minutes}{NARROW}min" if minutes else "")


def moment(unix: float) -> str:
    """``2026-03-01 12:00:00 UTC``."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def count(value: int, noun: str = "") -> str:
    """``1,234``; with a noun ``1,234 requests``, ``1 request``."""
    number = f"{value:,}"
    return f"{number} {noun}{'' if value == 1 else 's'}" if noun else number


def number(value: float | None) -> str:
    """``1,234``, ``12.3``, ``0.123``, ``3``: a figure without a unit."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    return f"{value:,.0f}" if abs(value) >= 99.95 else f"{value:.3g}"


def signed_number(value: float) -> str:
    """``+0.12``, ``−3``."""
    return _sign(value) + number(abs(value))


def rate(value: float | None) -> str:
    """``23.0/s``; below one in ten seconds by the minute, below one in ten minutes by the hour."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    if value == 0:
        return "0/s"
    for each_second, unit in ((1, "s"), (60, "min")):
        if value * each_second >= 0.1:
            return f"{_three_digits(value * each_second)}/{unit}"
    return f"{value * 3600:.3g}/h"


def percent(value: float | None) -> str:
    """``0.24 %``, ``12 %``; a share that is neither 0 nor 1 is never rounded to 0 % or 100 %."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    if 0.9999 < value < 1:
        return f">{NARROW}99.99{NARROW}%"
    points = value * 100
    if 0 < points < 0.0001:
        return f"<{NARROW}0.0001{NARROW}%"
    if 0 < points < 0.01:
        return f"{points:.4f}".rstrip("0") + f"{NARROW}%"
    if points >= 100:
        return f"{points:,.0f}{NARROW}%"
    if points < 1 or points > 99:
        return f"{points:.2f}".rstrip("0").rstrip(".") + f"{NARROW}%"
    return f"{points:.3g}{NARROW}%"


def signed_percent(value: float) -> str:
    """``+4.2 %``, ``−12 %``; 0 % where it is less than half a per mille."""
    return percent(0.0) if abs(value) < 0.0005 else _sign(value) + percent(abs(value))


def percent_range(estimate: Estimate) -> str:
    """``0.5–2 %``."""
    if estimate.low is None or estimate.high is None:
        return NO_FIGURE
    return f"{percent(estimate.low).removesuffix(NARROW + '%')}–{percent(estimate.high)}"


def dollars(value: float | None) -> str:
    """``$0.0576``, ``$0.50``, ``$12.34``, ``$1,234``."""
    if value is None or math.isnan(value):
        return NO_FIGURE
    if value == 0:
        return "$0"
    if value < 0.0001:
        return f"<{NARROW}$0.0001"
    if value < 1:
        digits = 2 - math.floor(math.log10(value))
        whole, _, cents = f"{value:.{min(digits, 4)}f}".rstrip("0").partition(".")
        return f"${whole}.{cents:0<2}"
    return f"${value:,.2f}" if value < 1000 else f"${value:,.0f}"


def gibibytes(value: int | float) -> str:
    """``8.0 GiB``."""
    return f"{value / 2**30:.1f}{NARROW}GiB"


def _sign(value: float) -> str:
    return "+" if value > 0 else "−" if value < 0 else ""


def _three_digits(value: float) -> str:
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"
