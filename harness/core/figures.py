"""How figures read in a report: three significant digits, a unit, thousands separated. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.core.statistics import Estimate

NO_FIGURE = "–"
NARROW = "\u202f"
"""A narrow space that does not break, between a number and its unit."""


def seconds(value: float | None) -> str:
    """``4.37 ms``, ``152 ms``, ``1.52 s``."""
    if value is None:
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
    """A percentile's interval of seconds, or why it has none."""
    if estimate.low is not None and estimate.high is not None:
        return seconds_range(estimate.low, estimate.high)
    return f"not established (needs at least {count(estimate.needs)} requests)"


def signed_seconds(value: float | None) -> str:
    """``+4.37 ms``, ``−152 ms``."""
    if value is None:
        return NO_FIGURE
    return ("+" if value > 0 else "−" if value < 0 else "") + seconds(abs(value))


def signed_range(estimate: Estimate) -> str:
    """A shift's interval: ``−3.00 ms to +14.0 ms``."""
    if estimate.low is None or estimate.high is None:
        return NO_FIGURE
    return f"{signed_seconds(estimate.low)} to {signed_seconds(estimate.high)}"


def count(value: int, noun: str = "") -> str:
    """``1,234``; with a noun ``1,234 requests``, ``1 request``."""
    number = f"{value:,}"
    return f"{number} {noun}{'' if value == 1 else 's'}" if noun else number


def rate(value: float | None) -> str:
    if value is None:
        return NO_FIGURE
    return f"{_three_digits(value)}/s" if value else "0/s"


def percent(value: float | None) -> str:
    """``0.24 %``, ``12 %``; never a rounded 0 % or 100 % for what is not."""
    if value is None:
        return NO_FIGURE
    if 0 < value < 0.0001:
        return f"<{NARROW}0.01{NARROW}%"
    if 0.9999 < value < 1:
        return f">{NARROW}99.99{NARROW}%"
    points = value * 100
    return (
        f"{points:.2f}".rstrip("0").rstrip(".") + f"{NARROW}%"
        if points < 1 or points > 99
        else f"{points:.3g}{NARROW}%"
    )


def percent_range(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return NO_FIGURE
    return f"{percent(estimate.low).removesuffix(NARROW + '%')}–{percent(estimate.high)}"


def length_of_time(value: float) -> str:
    """``3.2 s``, ``2 min 5 s``, ``1 h 3 min``."""
    if value < 59.95:
        return f"{value:.1f}".removesuffix(".0") + f"{NARROW}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes}{NARROW}min" + (f" {rest}{NARROW}s" if rest else "")
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{NARROW}h" + (f" {minutes}{NARROW}min" if minutes else "")


def moment(unix: float) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def gibibytes(value: int | float) -> str:
    return f"{value / 2**30:.1f}{NARROW}GiB"


def _three_digits(value: float) -> str:
    size = abs(value)
    if size >= 99.95:
        return f"{value:,.0f}"
    if size >= 9.995:
        return f"{value:.1f}"
    return f"{value:.2f}"
