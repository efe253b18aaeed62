"""Requests in flight and their mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.hosting.rules.outstanding import Outstanding


def test_the_mean_is_weighted_by_time() -> None:
    found = Outstanding(0)
    found.enter(0)
    found.enter(6)
    found.leave(9)
    assert found.mean(10) == pytest.approx((6 * 1 + 3 * 2 + 1 * 1) / 10)
    assert found.count == 1


def test_each_look_begins_anew() -> None:
    found = Outstanding(0)
    found.enter(0)
    found.leave(5)
    assert found.mean(10) == 0.5
    assert found.mean(20) == 0


@given(st.lists(st.tuples(st.floats(0, 50), st.floats(0, 50)), max_size=20))
def test_requests_times_durations_is_the_mean_times_the_span(spans: list[tuple[float, float]]) -> None:
    """Little's law."""
    found = Outstanding(0)
    moments = [(start, 1) for start, _ in spans] + [(start + length, -1) for start, length in spans]
    for moment, change in sorted(moments, key=lambda one: (one[0], -one[1])):
        (found.enter if change > 0 else found.leave)(moment)
    assert found.mean(100) * 100 == pytest.approx(sum(length for _, length in spans), abs=1e-6)
