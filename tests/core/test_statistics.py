"""Confidence intervals cover as often as they claim, for very different distributions."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.core.statistics import (
    Estimate,
    mean,
    observations_needed,
    percentile,
    percentile_by_rank,
    share,
    shift,
    warm_up,
)

Draw = Callable[[np.random.Generator, int], np.ndarray]

DISTRIBUTIONS: dict[str, tuple[Draw, Callable[[float], float]]] = {
    "exponential": (lambda rng, n: rng.exponential(size=n), lambda q: -math.log(1 - q)),
    "Pareto, infinite variance": (lambda rng, n: rng.pareto(1.5, n), lambda q: (1 - q) ** (-1 / 1.5) - 1),
    "lognormal": (lambda rng, n: rng.lognormal(0, 1, n), lambda q: float(stats.lognorm(1).ppf(q))),
    "two modes": (
        lambda rng, n: np.where(rng.random(n) < 0.9, rng.uniform(0, 1, n), rng.uniform(10, 11, n)),
        lambda q: q / 0.9 if q < 0.9 else 10 + (q - 0.9) / 0.1,
    ),
    "constant": (lambda rng, n: np.ones(n), lambda q: 1.0),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.5, 101), (0.95, 72), (0.95, 400), (0.99, 368), (0.99, 1500)])
def test_a_percentiles_interval_covers_at_least_95_times_in_100(name: str, q: float, n: int) -> None:
    draw, quantile = DISTRIBUTIONS[name]
    rng = np.random.default_rng(20260202)
    trials = 1000
    covered = 0
    for _ in range(trials):
        estimate = percentile(np.sort(draw(rng, n)), q)
        assert estimate.low is not None
        assert estimate.high is not None
        covered += estimate.low <= quantile(q) <= estimate.high
    # Three standard errors below 95 % of a thousand.
    assert covered >= 929


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=500), st.floats(0.01, 0.99))
def test_a_percentile_is_an_observed_value_within_its_interval(values: list[float], q: float) -> None:
    ordered = np.sort(np.array(values))
    estimate = percentile(ordered, q)
    assert estimate.value in values
    assert np.count_nonzero(ordered <= estimate.value) >= q * len(values) - 1e-9
    assert np.count_nonzero(ordered < estimate.value) < q * len(values) + 1e-9
    if estimate.established:
        assert estimate.low <= estimate.value <= estimate.high  # type: ignore[operator]


@given(st.floats(0.01, 0.999), st.integers(1, 3000))
def test_the_order_statistics_are_those_of_the_binomial_tails(q: float, n: int) -> None:
    ordered = np.arange(1.0, n + 1)
    estimate = percentile(ordered, q)
    assert estimate.established == (n >= estimate.needs)
    if estimate.low is not None and estimate.high is not None:
        below = stats.binom.cdf(estimate.low - 1, n, q)
        above = stats.binom.sf(estimate.high - 1, n, q)
        assert below <= 0.025 * (1 + 1e-9)
        assert above <= 0.025 * (1 + 1e-9)


@pytest.mark.parametrize(("q", "n"), [(0.5, 6), (0.9, 36), (0.95, 72), (0.99, 368)])
def test_a_tail_needs_its_minimum_of_requests(q: float, n: int) -> None:
    assert observations_needed(q) == n
    assert not percentile(np.arange(n - 1.0), q).established
    assert percentile(np.arange(float(n)), q).established


def test_without_observations_there_is_no_estimate() -> None:
    empty = np.empty(0)
    assert percentile(empty, 0.5).value is None
    assert mean(empty).value is None
    assert share(0, 0).value is None


def test_the_interval_of_a_mean_covers_where_neighbours_are_correlated() -> None:
    rng = np.random.default_rng(5)
    covered = 0
    for _ in range(400):
        noise = rng.normal(size=4000)
        series = np.empty(4000)
        level = 0.0
        for i, shock in enumerate(noise):
            level = 0.8 * level + shock
            series[i] = level
        estimate = mean(series)
        covered += estimate.low <= 0 <= estimate.high  # type: ignore[operator]
    # A plain interval would cover some 50 times in 100 here.
    assert covered >= 0.91 * 400


def test_a_mean_of_too_few_observations_has_no_interval() -> None:
    estimate = mean(np.ones(39))
    assert (estimate.value, estimate.established, estimate.needs) == (1.0, False, 40)


@pytest.mark.parametrize(("hits", "of"), [(0, 100), (1, 100), (50, 100), (100, 100), (3, 7)])
def test_a_share_has_wilsons_interval(hits: int, of: int) -> None:
    expected = stats.binomtest(hits, of).proportion_ci(method="wilson")
    estimate = share(hits, of)
    assert (estimate.low, estimate.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert estimate.value == hits / of


@pytest.mark.parametrize("name", ["exponential", "lognormal", "two modes"])
@pytest.mark.parametrize(("q", "n", "factor"), [(0.5, 60, 1.0), (0.5, 200, 1.5), (0.95, 400, 1.2), (0.99, 1500, 1.0)])
def test_a_shifts_interval_covers_about_95_times_in_100(name: str, q: float, n: int, factor: float) -> None:
    draw, quantile = DISTRIBUTIONS[name]
    rng = np.random.default_rng(7)
    truth = (factor - 1) * quantile(q)
    covered = 0
    for _ in range(600):
        before, after = (percentile(np.sort(sample), q) for sample in (draw(rng, n), factor * draw(rng, 2 * n)))
        estimate = shift(before, after)
        covered += estimate.low <= truth <= estimate.high  # type: ignore[operator]
    # Three standard errors below 95 % of 600.
    assert covered >= 0.923 * 600


def test_a_shift_has_no_interval_where_an_estimate_has_none() -> None:
    few, many = percentile(np.arange(5.0), 0.5), percentile(np.arange(100.0), 0.5)
    assert shift(few, many) == Estimate(47.0, None, None, 6)
    assert shift(percentile(np.empty(0), 0.5), many).value is None


def test_a_percentile_by_ranks_equals_one_by_values() -> None:
    values = np.sort(np.random.default_rng(1).exponential(size=500))
    assert percentile_by_rank(500, lambda rank: float(values[rank - 1]), 0.95) == percentile(values, 0.95)


def test_a_slow_beginning_is_found() -> None:
    rng = np.random.default_rng(3)
    lengths = []
    for _ in range(50):
        series = rng.exponential(size=2000)
        series[:100] += np.linspace(10, 0, 100)
        lengths.append(warm_up(series) or 0)
    assert all(length % 5 == 0 for length in lengths)
    assert 80 <= np.median(lengths) <= 110
    assert 60 <= min(lengths) <= max(lengths) <= 400


def test_a_steady_series_has_next_to_no_warm_up() -> None:
    rng = np.random.default_rng(3)
    lengths = [warm_up(rng.exponential(size=2000)) or 0 for _ in range(200)]
    # By chance a few observations are left out, never many.
    assert np.mean(lengths) < 0.02 * 2000
    assert np.quantile(lengths, 0.99) < 0.1 * 2000


def test_an_unsteady_or_short_series_has_no_warm_up() -> None:
    assert warm_up(np.linspace(1, 100, 1000)) is None
    assert warm_up(np.ones(99)) is None
    assert warm_up(np.ones(1000)) is None
