"""The arrivals that are sent to a live stack are the simulated ones."""

from __future__ import annotations

import gc
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.load.schedule import Piece, Schedule
from harness.load.traces import read_trace
from harness.load.traffic_forms import constant, daily_cycle, ramp, spike, steps
from harness.simulator import arrivals, simulate
from harness.simulator.initial_state import initial_state
from tests.profiles import constant as always
from tests.simulator.arrivals import arrivals_of
from tests.simulator.systems import ONE, a_system

SYSTEM = a_system(always(0.01), workers=4)
TRACE = Path(__file__).parents[2] / "fixtures" / "traffic" / "nasa-http-1995-07.csv.gz"

rates = st.floats(0, 4) | st.just(0.0)
pieces = st.builds(Piece, st.floats(1, 30), rates, rates)
some_pieces = st.lists(pieces, min_size=1, max_size=20).filter(lambda parts: sum(p.expected for p in parts) > 0)
schedules = some_pieces.map(lambda parts: Schedule(tuple(parts)))


def churn() -> None:
    """Collects what nobody holds, and writes over the memory that it had."""
    gc.collect()
    for size in (8, 64, 512, 4096, 40_000):
        np.full(size, 1e300)


@pytest.mark.parametrize(
    "traffic",
    [
        constant(20.0, 300.0),
        ramp(1.0, 40.0, 300.0),
        steps([5.0, 0.0, 50.0], 100.0),
        spike(2.0, 60.0, 600.0, 200.0, 60.0),
        daily_cycle(8.0, 45.0, 120.0),
        read_trace(TRACE).day("1995-07-07").schedule().fitted(30.0, 300.0),
    ],
    ids=["constant", "ramp", "steps", "spike", "daily", "recorded"],
)
def test_every_form_of_traffic_is_sent_as_it_is_simulated(traffic: Schedule) -> None:
    sent = arrivals(ONE, SYSTEM, traffic, seed=7)
    churn()
    assert sent == pytest.approx(arrivals_of(traffic, 7), rel=1e-12)
    assert len(sent) == simulate(ONE, SYSTEM, traffic, seed=7).requests
    assert abs(len(sent) - traffic.expected) < 6 * math.sqrt(traffic.expected)


@settings(max_examples=20)
@given(schedules, st.integers(0, 2**32), st.sets(st.integers(0, 200), max_size=3))
def test_a_state_keeps_what_it_addresses(traffic: Schedule, seed: int, collections: set[int]) -> None:
    """Collections between the arrivals change nothing, although nobody but the state holds its arrays."""
    state = initial_state(ONE, SYSTEM, traffic, seed)
    sent: list[float] = []
    churn()
    while math.isfinite(at := state.arrive()):
        sent.append(at)
        if len(sent) in collections:
            churn()
    assert sent == pytest.approx(arrivals_of(traffic, seed), rel=1e-12)
