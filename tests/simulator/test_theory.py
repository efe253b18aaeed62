"""Classical queues: the simulator agrees with theory."""

from __future__ import annotations

import math

import pytest

from harness.load.traffic_forms import constant
from harness.planner.search.estimates import interval
from harness.simulator import simulate
from tests.simulator.systems import ONE, QUEUES, Queue, mmc, waiting_and_refused

REPLICATIONS, MINUTES, WARM_UP = 12, 60, 5


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.name)
def test_theory_is_within_the_simulators_own_interval(queue: Queue) -> None:
    """The replications leave out their first minutes, in which the queue fills. With other seeds, one test in a hundred
    would fail."""
    runs = [
        simulate(ONE, queue.system, constant(queue.rate, 60.0 * MINUTES), seed=seed) for seed in range(REPLICATIONS)
    ]
    waiting, refused = zip(*(waiting_and_refused(run, WARM_UP) for run in runs), strict=True)
    of_waiting, of_refused = interval(waiting, confidence=0.99), interval(refused, confidence=0.99)
    assert of_waiting.low is not None
    assert of_waiting.high is not None
    assert of_waiting.low <= queue.waiting <= of_waiting.high
    assert of_waiting.high - of_waiting.low < 0.25 * queue.waiting, "an interval that says something"
    assert of_refused.low is not None
    assert of_refused.high is not None
    assert of_refused.low <= queue.refused <= of_refused.high


def test_percentiles_of_the_time_in_an_mm1() -> None:
    """The time is exponential, with the service rate minus the arrival rate (Kleinrock, Queueing Systems I, 5.1)."""
    queue = mmc(1, 0.5)
    out = simulate(ONE, queue.system, constant(queue.rate, 200_000.0), seed=1)
    for q in (0.5, 0.9, 0.99):
        expected = -math.log(1 - q) / (1 / 0.1 - queue.rate)
        assert out.latencies.percentile(q) == pytest.approx(expected, rel=0.02)


def test_the_number_of_arrivals_is_that_of_the_traffic() -> None:
    out = simulate(ONE, mmc(1, 0.5).system, constant(5.0, 200_000.0), seed=1)
    assert out.requests == pytest.approx(1_000_000, abs=4 * 1_000)
