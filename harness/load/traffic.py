"""Reads the traffic that a plan is made for, from a recorded trace or an expression, and cuts it into parts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.errors import HarnessError, shown
from harness.load.schedule import Piece, Schedule
from harness.load.traces import Trace, read_trace
from harness.load.traffic_forms import DAY, TRAFFIC_FORMS


@dataclass(frozen=True, slots=True)
class Traffic:
    """The traffic of a plan.

    source: the trace's file or the expression, with the day and the peak that were chosen.
    begins: the first moment of a recorded trace, in the trace's own time zone; None for an expression.
    """

    source: str
    schedule: Schedule
    begins: datetime | None = None

    @property
    def clock(self) -> float:
        """Seconds from midnight UTC to the first moment, which scheduled capacity goes by; 0 for an expression."""
        return self.begins.timestamp() % DAY if self.begins is not None else 0.0


def read_traffic(text: str, day: str | None = None, peak: float | None = None) -> Traffic:
    """Read a trace's file or an expression.

    day: ``1995-07-13`` or ``1995-07-07..1995-07-20``, for a trace only.
    peak: requests a second that the highest rate is scaled to.
    Raises HarnessError with a sentence.
    """
    name, colon, _ = text.partition(":")
    begins: datetime | None = None
    source = text
    if colon and name in TRAFFIC_FORMS:
        if day is not None:
            raise HarnessError("--day takes days of a recorded trace: leave it out with an expression.")
        schedule = TRAFFIC_FORMS[name].parse(text)
    else:
        file = Path(text)
        if not _exists(file):
            examples = ", ".join(form.example for form in TRAFFIC_FORMS.values())
            raise HarnessError(
                f"{shown(text)} is not a traffic: name a trace (.csv, .csv.gz, CloudWatch .json) or give an "
                f"expression: {examples}."
            )
        trace = read_trace(file)
        source = file.name
        if day is not None:
            trace, source = _days(trace, day), f"{source}, {day}"
        begins, schedule = trace.rows[0][0], trace.schedule()
    if peak is not None:
        if peak <= 0:
            raise HarnessError("With a peak of 0 there is no traffic: give a rate above 0, such as --peak 40/s.")
        schedule, source = schedule.scaled(peak / schedule.peak), f"{source}, scaled to a peak of {peak:g}/s"
    return Traffic(source, schedule, begins)


def _exists(file: Path) -> bool:
    try:
        return file.exists()
    except (OSError, ValueError):  # a name that no file can have: too long, or with a NUL in it
        return False


def _days(trace: Trace, days: str) -> Trace:
    """One day of a trace, or all days from the first to the last that are named."""
    first, dots, last = days.partition("..")
    if not dots:
        return trace.day(days)
    for day in (first, last):
        trace.day(day)  # raises HarnessError for a day that the trace does not have
    rows = tuple(row for row in trace.rows if first <= row[0].date().isoformat() <= last)
    if not rows:
        raise HarnessError(f"The days {days} are none: the first comes after the last.")
    return Trace(rows, trace.period)


def bins(schedule: Schedule, seconds: float) -> NDArray[np.float64]:
    """The mean rate, requests a second, of each bin of ``seconds`` seconds; the last bin may be shorter."""
    ends = np.cumsum([piece.seconds for piece in schedule.pieces])
    reached = np.cumsum([piece.expected for piece in schedule.pieces])
    starts = np.concatenate(([0.0], ends))
    before = np.concatenate(([0.0], reached))
    whole = float(ends[-1])
    count = max(1, math.ceil(whole / seconds - 1e-9))
    edges = np.append(np.arange(count) * seconds, whole)
    index = np.minimum(np.searchsorted(ends, edges, side="right"), len(schedule.pieces) - 1)
    first = np.array([piece.start_rate for piece in schedule.pieces])[index]
    slope = np.array([(piece.end_rate - piece.start_rate) / piece.seconds for piece in schedule.pieces])[index]
    into = edges - starts[index]
    arrivals = before[index] + into * (first + slope * into / 2)
    rates: NDArray[np.float64] = np.diff(arrivals) / np.diff(edges)
    return rates


def excerpt(schedule: Schedule, start: float, seconds: float) -> Schedule | None:
    """The ``seconds`` of a schedule from second ``start`` on; None if nothing arrives in them."""
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
