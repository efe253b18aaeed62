"""Arrivals follow their rate in order and repeat with a seed; the shares of workers make the whole."""

from __future__ import annotations

import math
from itertools import islice, pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.load.schedule import Piece, Schedule, even, poisson, share
from harness.load.traffic_forms import constant, ramp

rates = st.floats(0, 200)
lengths = st.floats(0.05, 20)
pieces = st.lists(st.builds(Piece, lengths, rates, rates), min_size=1, max_size=6)
schedules = pieces.filter(lambda drawn: 0.5 < sum(piece.expected for piece in drawn) < 5000).map(
    lambda drawn: Schedule(tuple(drawn))
)


def expected_until(schedule: Schedule, moment: float) -> float:
    """The rate's integral, piece by piece."""
    total, begun = 0.0, 0.0
    for piece in schedule.pieces:
        inside = min(max(moment - begun, 0.0), piece.seconds)
        at_end = piece.start_rate + (piece.end_rate - piece.start_rate) * inside / piece.seconds
        total += inside * (piece.start_rate + at_end) / 2
        begun += piece.seconds
    return total


@given(schedules)
@pytest.mark.unmeasured
def test_even_arrivals_are_one_expected_arrival_apart(schedule: Schedule) -> None:
    times = list(even(schedule))
    assert len(times) == math.ceil(schedule.expected - 1e-9) or len(times) == math.floor(schedule.expected) + 1
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= schedule.seconds * (1 + 1e-12)
    for number, moment in enumerate(times):
        assert expected_until(schedule, moment) == pytest.approx(number, abs=1e-6 * (1 + schedule.expected))


@given(schedules, st.integers(0, 2**31))
def test_poisson_arrivals_are_in_order_within_the_schedule_and_repeat_with_a_seed(
    schedule: Schedule, seed: int
) -> None:
    times = list(poisson(schedule, seed))
    assert times == sorted(times)
    assert all(0 <= moment <= schedule.seconds for moment in times)
    assert times == list(poisson(schedule, seed))


@given(schedules, st.integers(0, 100))
@settings(max_examples=50)
def test_poisson_counts_are_within_six_sigma_of_what_is_expected(schedule: Schedule, seed: int) -> None:
    half = schedule.seconds / 2
    for until in (half, schedule.seconds):
        mean = expected_until(schedule, until)
        count = sum(moment < until for moment in poisson(schedule, seed))
        assert abs(count - mean) <= 6 * math.sqrt(mean) + 6


def test_poisson_gaps_are_exponential() -> None:
    times = list(poisson(constant(100, 200), 1))
    gaps = [second - first for first, second in pairwise(times)]
    # Of an exponential: mean 1/rate, and a share 1/e above it.
    assert sum(gaps) / len(gaps) == pytest.approx(0.01, rel=0.03)
    assert sum(gap > 0.01 for gap in gaps) / len(gaps) == pytest.approx(math.exp(-1), abs=0.015)


@given(schedules, st.integers(1, 5), st.integers(0, 10))
@pytest.mark.unmeasured
def test_the_workers_shares_are_the_whole_schedule(schedule: Schedule, workers: int, seed: int) -> None:
    whole = list(poisson(schedule, seed))
    shares = [list(share(poisson(schedule, seed), index, workers)) for index in range(workers)]
    assert sorted(moment for arrivals in shares for moment in arrivals) == whole
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(schedules, st.floats(0.1, 10), st.floats(0.1, 10))
def test_scaling_keeps_the_shape(schedule: Schedule, rate: float, time: float) -> None:
    scaled = schedule.scaled(rate, time)
    assert scaled.seconds == pytest.approx(schedule.seconds * time)
    assert scaled.peak == pytest.approx(schedule.peak * rate)
    assert scaled.expected == pytest.approx(schedule.expected * rate * time)


def test_fitting_sets_the_peak_and_the_length() -> None:
    fitted = ramp(1, 4, 10).fitted(peak=100, seconds=5)
    assert (fitted.peak, fitted.seconds, fitted.pieces[0].start_rate) == (100, 5, 25)


@given(st.floats(max_value=-1e-9) | st.just(math.nan) | st.just(math.inf))
def test_an_impossible_rate_is_refused_in_a_sentence(rate: float) -> None:
    assume(rate != 0)
    with pytest.raises(HarnessError, match=r"There cannot be .* requests a second: give a number of 0 or more"):
        constant(rate, 10)


def test_a_long_schedule_is_not_held_in_memory() -> None:
    assert len(list(islice(poisson(constant(1e6, 1e9), 1), 10))) == 10
