"""A station keeps its invariants, and agrees with the closed forms of queueing theory."""

from __future__ import annotations

import itertools
import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.queueing import Departure, Station

TIMES = st.floats(0, 10)
# Two-sided 99.9 % of Student's t with 19 degrees of freedom: 20 replications, and a seed that stays.
REPLICATIONS, T = 20, 3.883


class Run:
    """What became of jobs 0, 1, ... at a station."""

    def __init__(self, workers: int, queue_length: int, gaps: list[float], services: list[float]) -> None:
        drawn = iter(services)
        self.concurrencies: list[int] = []

        def service_time(in_service: int) -> float:
            self.concurrencies.append(in_service)
            return next(drawn)

        station: Station[int] = Station(workers, queue_length, service_time)
        self.departures: list[Departure[int]] = []
        self.refused: list[int] = []
        self.arrivals = list(itertools.accumulate(gaps))
        for job, at in enumerate(self.arrivals):
            self.departures += station.depart(at)
            full = station.in_service == workers and station.waiting == queue_length
            if not station.arrive(job, at):
                assert full
                self.refused.append(job)
            else:
                assert not full
            assert station.in_service <= workers and station.waiting <= queue_length
            assert station.waiting == 0 or station.in_service == workers, "nobody waits beside a free worker"
        self.departures += station.depart(math.inf)
        assert (station.in_service, station.waiting, station.due) == (0, 0, None)


runs = st.integers(0, 40).flatmap(
    lambda count: st.builds(
        Run,
        st.integers(1, 4),
        st.integers(0, 5),
        st.lists(TIMES, min_size=count, max_size=count),
        st.lists(TIMES, min_size=count, max_size=count),
    )
)


@given(runs)
def test_nothing_is_lost_or_served_twice(run: Run) -> None:
    assert sorted([departure.job for departure in run.departures] + run.refused) == list(range(len(run.arrivals)))


@given(runs)
def test_service_begins_in_the_order_of_arrival(run: Run) -> None:
    begun = [departure.began for departure in sorted(run.departures, key=lambda departure: departure.job)]
    assert begun == sorted(begun)


@given(runs)
def test_departures_come_in_the_order_of_time_and_never_before_the_arrival(run: Run) -> None:
    assert [departure.ended for departure in run.departures] == sorted(departure.ended for departure in run.departures)
    for departure in run.departures:
        assert departure.arrived == run.arrivals[departure.job] <= departure.began <= departure.ended


@given(st.integers(1, 4), st.lists(TIMES, max_size=30))
def test_never_more_in_service_than_workers(workers: int, services: list[float]) -> None:
    run = Run(workers, len(services), [0.0] * len(services), services)
    assert all(1 <= departure <= workers for departure in run.concurrencies)
    for probe in run.departures:
        together = sum(departure.began <= probe.began < departure.ended for departure in run.departures)
        assert together <= workers


def test_a_freed_worker_takes_the_next_job_at_that_moment_however_late_it_is_looked_at() -> None:
    station: Station[str] = Station(1, 10, lambda in_service: 2.0)
    assert all(station.arrive(job, 0.0) for job in "abc")
    assert [(departure.job, departure.began, departure.ended) for departure in station.depart(5.0)] == [
        ("a", 0.0, 2.0),
        ("b", 2.0, 4.0),
    ]
    assert station.due == 6.0


def test_an_arrival_must_not_overtake_a_departure() -> None:
    station: Station[str] = Station(1, 0, lambda in_service: 1.0)
    station.arrive("a", 0.0)
    with pytest.raises(ValueError, match=r"one is due at 1\.0"):
        station.arrive("b", 2.0)


@pytest.mark.parametrize(("workers", "queue_length"), [(0, 1), (1, -1)])
def test_a_station_needs_a_worker_and_no_negative_queue(workers: int, queue_length: int) -> None:
    with pytest.raises(ValueError, match="a station needs a worker"):
        Station(workers, queue_length, lambda in_service: 1.0)


def _mmck(load: float, workers: int, queue_length: int) -> tuple[float, float]:
    """M/M/c/c+K: the share refused and the mean wait of those taken, in mean service times (Gross and Harris, 2.5)."""
    places = workers + queue_length
    weights = [
        load**n / math.factorial(n) if n <= workers else load**n / (math.factorial(workers) * workers ** (n - workers))
        for n in range(places + 1)
    ]
    share = [weight / sum(weights) for weight in weights]
    waiting = sum((n - workers) * share[n] for n in range(workers + 1, places + 1))
    return share[-1], waiting / (load * (1 - share[-1]))


@pytest.mark.parametrize(
    ("load", "workers", "queue_length"), [(0.8, 1, 5), (1.7, 2, 8), (3.0, 2, 4), (0.95, 1, 100), (2.0, 3, 0)]
)
def test_mmck_agrees_with_theory(load: float, workers: int, queue_length: int) -> None:
    """Simulated refusals and waits, within the simulation's own confidence interval."""
    refused, waits = [], []
    for seed in range(REPLICATIONS):
        rng = random.Random(seed)
        count, warm_up = 6_000, 1_500
        gaps = [rng.expovariate(load) for _ in range(count)]
        run = Run(workers, queue_length, gaps, [rng.expovariate(1.0) for _ in range(count)])
        counted = [departure for departure in run.departures if departure.job >= warm_up]
        lost = sum(job >= warm_up for job in run.refused)
        refused.append(lost / (count - warm_up))
        waits.append(statistics.fmean(departure.began - departure.arrived for departure in counted))
    for measured, theory in zip((refused, waits), _mmck(load, workers, queue_length), strict=True):
        half_width = T * statistics.stdev(measured) / math.sqrt(REPLICATIONS)
        assert statistics.fmean(measured) == pytest.approx(theory, abs=half_width + 1e-12)
