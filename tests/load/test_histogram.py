"""HdrHistograms keep three digits, add up, and have HdrHistogram's own encoding."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.load.histogram import Histogram
from harness.load.latency_log import LatencyLog, read_latency_log

# 1000 us twice, 2047, 2048, 152300 us and an hour, as the reference implementation for Python (0.10.8) encodes them.
REFERENCE = "HISTFAAAAC94nJNpmSzMwMDAxwABzFCaEURcm7yEwf4DROA8P8tqASam40lMs18wMgEAtB0I5w=="
VALUES = [0.001, 0.001, 0.002047, 0.002048, 0.1523, 3600.0]

times = st.lists(st.floats(0, 3600), min_size=1, max_size=200)


def of(values: list[float]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.record(value)
    return histogram


@given(times, st.floats(0.001, 1))
def test_a_quantile_is_right_to_three_digits(values: list[float], q: float) -> None:
    exact = sorted(values)[max(1, math.ceil(len(values) * q)) - 1]
    quantile = of(values).quantile(q)
    assert quantile is not None
    # A microsecond, half of it from rounding, or a thousandth.
    assert abs(quantile - exact) <= max(1e-6, exact * 0.001)


@given(times, times)
def test_histograms_add_up(first: list[float], second: list[float]) -> None:
    both = of(first)
    both.add(of(second))
    assert both.counts == of(first + second).counts
    assert both.total == len(first) + len(second)


@given(times)
def test_decoding_reverses_encoding(values: list[float]) -> None:
    histogram = of(values)
    assert Histogram.decode(histogram.encode()).counts == histogram.counts


def test_the_reference_implementations_encoding_is_read() -> None:
    assert Histogram.decode(REFERENCE).counts == of(VALUES).counts


def test_times_above_an_hour_count_as_an_hour_and_negative_ones_as_zero() -> None:
    histogram = of([1e9, -1.0])
    assert histogram.quantile(1) == pytest.approx(3600, rel=0.001)
    assert histogram.quantile(0.1) == 0
    assert Histogram().quantile(0.5) is None
    with pytest.raises(IndexError):
        histogram.rank(3)


@pytest.mark.parametrize("text", ["", "x", "AAAA", REFERENCE[:40], "HISTFAAAAAA="])
def test_other_text_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match="not an HdrHistogram"):
        Histogram.decode(text)


def test_workers_histograms_are_one_log(tmp_path: Path) -> None:
    workers = [LatencyLog(), LatencyLog()]
    workers[0].record("lambda", "a, b:c", 0.1)
    workers[1].record("lambda", "a, b:c", 0.2)
    workers[1].record("endpoint", "e", 0.3)
    master = LatencyLog()
    for worker in workers:
        master.add(worker.take())
        assert worker.take() == {}
    master.write(tmp_path, 1_770_000_000, 60)
    found = read_latency_log(tmp_path)
    assert {key: histogram.total for key, histogram in found.items()} == {("lambda", "a, b:c"): 2, ("endpoint", "e"): 1}
    lines = (tmp_path / "latency.hlog").read_text().splitlines()
    assert lines[0] == "#[Histogram log format version 1.3]"
    assert lines[3].startswith("Tag=endpoint:e,0.000,60.000,3")


def test_a_run_without_the_log_has_no_histograms(tmp_path: Path) -> None:
    assert read_latency_log(tmp_path) == {}
    (tmp_path / "latency.hlog").write_text("Tag=a:b,0,1,2,broken\nnothing\n")
    assert read_latency_log(tmp_path) == {}
