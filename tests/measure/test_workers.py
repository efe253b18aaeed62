"""How many workers there are, from throughput alone."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from harness.measure.workers import EVERY, busy_workers, estimate_workers, levels

WORKERS = st.integers(1, 16)


@given(WORKERS, st.lists(st.floats(0.5, 2.0), min_size=1, max_size=6))
def test_a_round_that_is_slow_as_a_whole_changes_nothing(workers: int, speeds: list[float]) -> None:
    """A closed loop of n callers keeps min(n, workers) busy."""
    rates = {n: [speed * min(n, workers) for speed in speeds] for n in range(1, 2 * workers + 1)}
    assert estimate_workers(rates) == workers


@given(WORKERS, st.data())
def test_a_little_scatter_changes_nothing(workers: int, data: st.DataObject) -> None:
    part = min(0.02, 0.1 / workers)  # less than what one caller more or less makes
    scatter = st.floats(1 - part, 1 + part)
    rates = {n: [min(n, workers) * data.draw(scatter) for _ in range(3)] for n in range(1, 2 * workers + 1)}
    assert estimate_workers(rates) == workers


@given(WORKERS, st.floats(0, 0.5))
def test_requests_on_their_way_keep_no_worker_busy(workers: int, way: float) -> None:
    """way: as a part of the service time. n callers have n / (1 + way) in service, until every worker is busy."""
    rates = {n: min(n / (1 + way), workers) for n in range(1, 2 * workers + 1)}
    callers = estimate_workers({n: [rate] * 3 for n, rate in rates.items()})
    assert busy_workers(rates, callers, way) == workers


@given(st.integers(1, 300))
def test_every_number_of_callers_is_looked_at_where_there_are_few_and_the_most_always(most: int) -> None:
    numbers = levels(most)
    assert numbers[: min(most, EVERY)] == list(range(1, min(most, EVERY) + 1))
    assert numbers[-1] == most
    assert all(after <= before + max(1, before // 4) for before, after in itertools.pairwise(numbers))
