"""Requests in flight and their mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hosting.rules.outstanding import Outstanding


def test_the_mean_is_weighted_by_time() -> None:
    outstanding = Outstanding(0)
    outstanding.enter(0)
    outstanding.enter(6)
    outstanding.leave(9)
    assert outstanding.mean(10) == pytest.approx((6 * 1 + 3 * 2 + 1 * 1) / 10)
    assert outstanding.count == 1


def test_each_mean_starts_at_the_last_call() -> None:
    outstanding = Outstanding(0)
    outstanding.enter(0)
    outstanding.leave(5)
    assert outstanding.mean(10) == 0.5
    assert outstanding.mean(20) == 0


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=20))
def test_requests_times_durations_is_the_mean_times_the_span(spans: list[tuple[float, float]]) -> None:
    """Little's law."""
    outstanding = Outstanding(0)
    moments = [(start, 1) for start, _ in spans] + [(start + length, -1) for start, length in spans]
    for moment, change in sorted(moments, key=lambda entry: (entry[0], -entry[1])):
        (outstanding.enter if change > 0 else outstanding.leave)(moment)
    assert outstanding.mean(100) * 100 == pytest.approx(sum(length for _, length in spans), abs=1e-6)
