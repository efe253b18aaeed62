"""The traffic that is planned for: a recorded one, or an expression, scaled to a peak.

Expressions, each a shape of harness.load.schedule; rates as in ``20/s``, times as in ``90s``, ``1h``, ``2d``:

    constant:20/s:1h
    ramp:1/s..20/s:30min
    steps:5/s,20/s,5/s:3h            equal parts
    spike:5/s..50/s:2h[:AT[:WIDTH]]  in the middle for a tenth of the time unless it says otherwise
    daily:2/s..40/s[:TIME]           trough at midnight, peak at noon; one day unless it says otherwise
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import HarnessError, shown
from harness.core.quantities import parse_duration, parse_rate
from harness.load import schedule as schedules
from harness.load.schedule import Piece, Schedule
from harness.load.traces import Trace, read_trace

DAY = 86_400.0
_FORMS = {
    "constant": "constant:20/s:1h",
    "ramp": "ramp:1/s..20/s:30min",
    "steps": "steps:5/s,20/s,5/s:3h",
    "spike": "spike:5/s..50/s:2h:1h:10min",
    "daily": "daily:2/s..40/s",
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """source: as it was asked for, with day and peak. begins: of a recorded one its first moment, in its own zone."""

    source: str
    schedule: Schedule
    begins: datetime | None = None

    @property
    def clock(self) -> float:
        """Seconds since midnight UTC at its first moment, which scheduled capacity goes by; an expression's is 0."""
        return self.begins.timestamp() % DAY if self.begins is not None else 0.0


def read_traffic(text: str, day: str | None = None, peak: float | None = None) -> Traffic:
    """The traffic of a trace's file or an expression.

    day: ``1995-07-13`` or ``1995-07-07..1995-07-20``, of a trace alone; peak: requests a second that the
    highest rate is scaled to. Raises HarnessError with a sentence.
    """
    kind, colon, _ = text.partition(":")
    begins: datetime | None = None
    source = text
    if colon and kind in _FORMS:
        if day is not None:
            raise HarnessError("--day takes days of a recorded trace: leave it out with an expression.")
        schedule = _expression(text)
    else:
        file = Path(text)
        if not _exists(file):
            raise HarnessError(
                f"There is no traffic {shown(text)}: name a trace (.csv, .csv.gz, CloudWatch .json) or give an "
                f"expression: {', '.join(_FORMS.values())}."
            )
        trace = read_trace(file)
        source = file.name
        if day is not None:
            trace, source = _days(trace, day), f"{source}, {day}"
        begins, schedule = trace.rows[0][0], trace.schedule()
    if peak is not None:
        if peak <= 0:
            raise HarnessError("A peak of 0 is no traffic: give a rate above 0, such as --peak 40/s.")
        schedule, source = schedule.scaled(peak / schedule.peak), f"{source}, scaled to a peak of {peak:g}/s"
    return Traffic(source, schedule, begins)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL in it
        return False


def _days(trace: Trace, days: str) -> Trace:
    """One day, or all from one to another."""
    first, dots, last = days.partition("..")
    if not dots:
        return trace.day(days)
    for each in (first, last):
        trace.day(each)  # raises where the trace has none
    rows = tuple(row for row in trace.rows if first <= row[0].date().isoformat() <= last)
    if not rows:
        raise HarnessError(f"The days {days} are none: the first comes after the last.")
    return Trace(rows, trace.period)


def _expression(text: str) -> Schedule:
    kind, *parts = text.split(":")
    try:
        return _SHAPES[kind](*parts)
    except TypeError:  # too few parts, or too many
        raise HarnessError(f"The traffic {shown(text)} is not of the form {_FORMS[kind]}.") from None
    except HarnessError as error:
        raise HarnessError(f"The traffic {shown(text)}: {error} It is of the form {_FORMS[kind]}.") from None


def _span(text: str) -> tuple[float, float]:
    first, dots, last = text.partition("..")
    if not dots:
        raise HarnessError(f"{shown(text)} is no pair of rates.")
    return parse_rate(first), parse_rate(last)


def _constant(rate: str, time: str) -> Schedule:
    return schedules.constant(parse_rate(rate), parse_duration(time))


def _ramp(rates: str, time: str) -> Schedule:
    return schedules.ramp(*_span(rates), parse_duration(time))


def _steps(rates: str, time: str) -> Schedule:
    return schedules.steps([parse_rate(each) for each in rates.split(",")], parse_duration(time))


def _spike(rates: str, time: str, at: str | None = None, width: str | None = None) -> Schedule:
    base, peak = _span(rates)
    seconds = parse_duration(time)
    start = parse_duration(at) if at is not None else seconds / 2
    return schedules.spike(base, peak, seconds, start, parse_duration(width) if width is not None else seconds / 10)


def _daily(rates: str, time: str = "24h") -> Schedule:
    trough, peak = _span(rates)
    seconds = parse_duration(time)
    return schedules.daily_cycle(trough, peak, seconds, max(1, round(seconds / DAY)))


_SHAPES: dict[str, Callable[..., Schedule]] = {
    "constant": _constant,
    "ramp": _ramp,
    "steps": _steps,
    "spike": _spike,
    "daily": _daily,
}


def bins(schedule: Schedule, seconds: float) -> NDArray[np.float64]:
    """Mean rates in requests a second of successive bins of so many seconds; the last one may be shorter."""
    ends = np.cumsum([piece.seconds for piece in schedule.pieces])
    reached = np.cumsum([piece.expected for piece in schedule.pieces])
    starts = np.concatenate(([0.0], ends))
    before = np.concatenate(([0.0], reached))
    whole = float(ends[-1])
    count = max(1, math.ceil(whole / seconds - 1e-9))
    edges = np.append(np.arange(count) * seconds, whole)
    index = np.minimum(np.searchsorted(ends, edges, side="right"), len(schedule.pieces) - 1)
    first = np.array([piece.start_rate for piece in schedule.pieces])[index]
    slope = np.array([(each.end_rate - each.start_rate) / each.seconds for each in schedule.pieces])[index]
    into = edges - starts[index]
    arrivals = before[index] + into * (first + slope * into / 2)
    rates: NDArray[np.float64] = np.diff(arrivals) / np.diff(edges)
    return rates


def excerpt(schedule: Schedule, start: float, seconds: float) -> Schedule | None:
    """The part of a schedule from second ``start`` on; None where nothing arrives in it."""
    pieces: list[Piece] = []
    begun = 0.0
    for piece in schedule.pieces:
        low, high = max(start, begun), min(start + seconds, begun + piece.seconds)
        if high - low > 1e-9:
            slope = (piece.end_rate - piece.start_rate) / piece.seconds
            rates = (max(0.0, piece.start_rate + slope * (at - begun)) for at in (low, high))
            pieces.append(Piece(high - low, *rates))
        begun += piece.seconds
    return Schedule(tuple(pieces)) if math.fsum(piece.expected for piece in pieces) > 0 else None
