"""A minute's percentiles, counted in compiled code, beside the ones of the whole histogram."""

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
    found = take(counts, total)
    wanted = [Latencies(edges(), before).percentile(q) for q in (0.5, 0.99)]
    if filled:
        assert [float(edges()[place + 1]) for place in found] == wanted
    else:
        assert found == (-1, -1)
        assert all(map(math.isnan, wanted))
    assert not counts.any()
    assert (total == before + 1).all()
