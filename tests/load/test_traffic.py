"""The traffic of a plan: expressions, days of a trace, a chosen peak, and parts of a schedule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.load.schedule import Piece, Schedule
from harness.load.traffic import bins, excerpt, read_traffic
from harness.load.traffic_forms import DAY, constant, daily_cycle, ramp

ROWS = "timestamp,requests\n" + "".join(
    f"2026-01-0{day}T{hour:02}:00:00-04:00,{day * 100 + hour}\n" for day in (1, 2, 3) for hour in range(24)
)


@pytest.fixture
def trace(tmp_path: Path) -> str:
    file = tmp_path / "mine.csv"
    file.write_text(ROWS)
    return str(file)


@pytest.mark.parametrize(
    ("text", "seconds", "peak", "requests"),
    [
        ("constant:20/s:1h", 3600, 20, 72_000),
        ("ramp:1/s..20/s:30min", 1800, 20, 18_900),
        ("steps:5/s,20/s,5/s:3h", 10_800, 20, 108_000),
        ("spike:5/s..50/s:2h", 7200, 50, 5 * 7200 + 45 * 720),
        ("spike:5/s..50/s:2h:1h:10min", 7200, 50, 5 * 7200 + 45 * 600),
        ("daily:2/s..40/s", 86_400, 40, 21 * 86_400),
        ("daily:2/s..40/s:2d", 172_800, 40, 21 * 172_800),
    ],
)
def test_an_expression_gives_rates_and_times(text: str, seconds: float, peak: float, requests: float) -> None:
    traffic = read_traffic(text)
    assert traffic.source == text
    assert (traffic.begins, traffic.clock) == (None, 0.0)
    assert traffic.schedule.seconds == pytest.approx(seconds)
    assert traffic.schedule.peak == pytest.approx(peak)
    assert traffic.schedule.expected == pytest.approx(requests, rel=1e-3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("constant:20/s", r"is not of the form constant:20/s:1h"),
        ("constant:20:1h", r"'20' is not a rate.* It is of the form constant"),
        ("ramp:1/s:1h", r"'1/s' is not a pair of rates"),
        ("constant:0/s:1h", r"no arrivals"),
        ("spike:5/s..50/s:1h:2h", r"not within a schedule"),
        ("nowhere.csv", r"'nowhere\.csv' is not a traffic: name a trace .* or give an expression: constant:20/s:1h"),
    ],
)
def test_other_text_is_refused_in_a_sentence(text: str, says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        read_traffic(text)


def test_days_are_those_of_the_traces_own_time_zone(trace: str) -> None:
    day = read_traffic(trace, "2026-01-02")
    assert day.source == "mine.csv, 2026-01-02"
    assert day.schedule.expected == pytest.approx(24 * 200 + 276)
    assert day.clock == 4 * 3600  # midnight there is four o'clock UTC, and scheduled capacity goes by UTC
    both = read_traffic(trace, "2026-01-02..2026-01-03")
    assert both.schedule.seconds == 2 * DAY
    assert read_traffic(trace).schedule.seconds == 3 * DAY


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-02-01", "no rows of 2026-02-01"),
        ("2026-01-01..2026-02-01", "no rows of 2026-02-01"),
        ("2026-01-03..2026-01-02", "the first comes after the last"),
    ],
)
def test_missing_days_are_refused(trace: str, day: str, says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        read_traffic(trace, day)


def test_a_peak_scales_every_rate(trace: str) -> None:
    scaled = read_traffic(trace, "2026-01-02", peak=40.0)
    assert scaled.source == "mine.csv, 2026-01-02, scaled to a peak of 40/s"
    assert scaled.schedule.peak == pytest.approx(40.0)
    with pytest.raises(HarnessError, match="With a peak of 0 there is no traffic"):
        read_traffic(trace, peak=0.0)
    with pytest.raises(HarnessError, match="leave it out with an expression"):
        read_traffic("constant:1/s:1h", "2026-01-02")


def test_a_bin_is_the_mean_rate_of_its_time() -> None:
    assert bins(ramp(0.0, 10.0, 100.0), 10.0) == pytest.approx(np.arange(10) + 0.5)
    assert bins(constant(3.0, 25.0), 10.0) == pytest.approx([3.0, 3.0, 3.0])


rates = st.floats(0, 50)
pieces = st.lists(st.builds(Piece, st.floats(0.5, 500), rates, rates), min_size=1, max_size=6)


@given(pieces, st.floats(1.0, 200.0))
def test_cutting_keeps_the_number_of_requests(shape: list[Piece], width: float) -> None:
    if sum(piece.expected for piece in shape) <= 0:
        return
    schedule = Schedule(tuple(shape))
    rates_of = bins(schedule, width)
    lengths = np.diff(np.append(np.arange(len(rates_of)) * width, schedule.seconds))
    assert float(rates_of @ lengths) == pytest.approx(schedule.expected, rel=1e-6, abs=1e-6)
    cut = schedule.seconds / 3
    parts = [excerpt(schedule, 0.0, cut), excerpt(schedule, cut, schedule.seconds)]
    assert sum(part.expected for part in parts if part) == pytest.approx(schedule.expected, rel=1e-6, abs=1e-6)


def test_there_is_no_excerpt_where_nothing_arrives() -> None:
    quiet = Schedule((Piece(10.0, 0.0, 0.0), Piece(10.0, 1.0, 1.0)))
    assert excerpt(quiet, 0.0, 10.0) is None
    assert excerpt(daily_cycle(1.0, 2.0, DAY), 0.0, 3600.0) is not None
