"""The percentiles of a minute from compiled code are those of the histogram."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.simulator.latencies import BUCKETS, edges, take
from harness.simulator.outcome import Latencies


@given(st.lists(st.tuples(st.integers(0, BUCKETS - 1), st.integers(1, 1000)), max_size=20))
def test_a_minutes_percentiles_are_those_of_its_histogram(filled: list[tuple[int, int]]) -> None:
    counts, total = np.zeros(BUCKETS, np.int64), np.ones(BUCKETS, np.int64)
    for bucket, number in filled:
        counts[bucket] += number
    before = counts.copy()
    buckets = take(counts, total)
    expected = [Latencies(edges(), before).percentile(q) for q in (0.5, 0.99)]
    if filled:
        assert [float(edges()[place + 1]) for place in buckets] == expected
    else:
        assert buckets == (-1, -1)
        assert all(map(math.isnan, expected))
    assert not counts.any()
    assert (total == before + 1).all()
