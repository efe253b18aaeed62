"""Variants, routing, model servers and queues in the simulator behave like the twin's own code."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.profile import Profile, ServiceTimes
from harness.core.queueing import Departure, Station
from harness.hosting.rules.routing import Strategy, choose_by_weight, choose_instance
from harness.load.schedule import Piece
from harness.load.schedule import Schedule as Traffic
from harness.load.traffic_forms import constant, ramp
from harness.simulator import simulate
from harness.simulator.latencies import edges
from harness.simulator.settings import FunctionSettings, Settings, VariantSettings
from harness.simulator.state import FAILURE, ROUTING, SERVICE, VARIANT_CHOICE
from harness.simulator.system import Client, System
from tests.profiles import a_profile
from tests.profiles import constant as always
from tests.simulator.arrivals import arrivals_of, uniform

SLOWER = ServiceTimes(concurrency=3, quantiles=tuple(0.1 + 0.004 * index for index in range(101)))
FASTER = ServiceTimes(concurrency=1, quantiles=tuple(0.05 + 0.002 * index for index in range(101)))


class Server(Station[int]):
    """A model server with the service times of a profile, one draw for each request."""

    def __init__(self, profile: Profile, seed: int) -> None:
        super().__init__(profile.workers, profile.queue_length, self._seconds)
        self._profile, self._seed, self._job = profile, seed, 0

    def _begin(self, job: int, arrived: float, at: float) -> None:
        self._job = job
        super()._begin(job, arrived, at)

    def _seconds(self, in_service: int) -> float:
        return self._profile.service_time(in_service, uniform(self._seed, SERVICE, self._job))


def run_the_twins_code(
    stack: Settings, system: System, traffic: Traffic, seed: int
) -> tuple[list[float], dict[str, int]]:
    """Sends each arrival through routing and stations. Returns the sorted latencies, and the failures."""
    profiles = [system.profiles[variant.instance_type] for variant in stack.variants]
    fleets = [
        [Server(profile, seed) for _ in range(variant.initial_instance_count)]
        for variant, profile in zip(stack.variants, profiles, strict=True)
    ]
    departures: list[tuple[int, Departure[int]]] = []
    failures = {"queue_full": 0, "model_error": 0}
    for number, now in enumerate(arrivals_of(traffic, seed)):
        for index, fleet in enumerate(fleets):
            departures += [(index, departure) for server in fleet for departure in server.depart(now)]
        weights = [variant.initial_variant_weight for variant in stack.variants]
        index = choose_by_weight(weights, uniform(seed, VARIANT_CHOICE, number))
        outstanding = [server.in_service + server.waiting for server in fleets[index]]
        point = uniform(seed, ROUTING, number)
        chosen = choose_instance(outstanding, stack.variants[index].routing_strategy, point)
        failures["queue_full"] += not fleets[index][chosen].arrive(number, now)
    for index, fleet in enumerate(fleets):
        departures += [(index, departure) for server in fleet for departure in server.depart(math.inf)]
    latencies = []
    for index, departure in departures:
        if profiles[index].fails(uniform(seed, FAILURE, departure.job)):
            failures["model_error"] += 1
        else:
            latencies.append(departure.ended - departure.arrived)
    return sorted(latencies), failures


@settings(max_examples=40, deadline=None)
@given(
    workers=st.integers(1, 4),
    places=st.integers(0, 6),
    counts=st.lists(st.integers(1, 4), min_size=1, max_size=2),
    weights=st.tuples(st.floats(0.0, 5.0), st.floats(0.0, 5.0)),
    strategy=st.sampled_from(["RANDOM", "LEAST_OUTSTANDING_REQUESTS"]),
    error_rate=st.sampled_from([0.0, 0.2]),
    peak=st.floats(5.0, 150.0),
    seed=st.integers(0, 2**32),
)
@pytest.mark.unmeasured
def test_every_request_fares_as_it_does_run_the_twins_code(
    workers: int,
    places: int,
    counts: list[int],
    weights: tuple[float, float],
    strategy: Strategy,
    error_rate: float,
    peak: float,
    seed: int,
) -> None:
    times = (FASTER, SLOWER) if workers >= 3 else (FASTER,)
    profile = a_profile(workers=workers, queue_length=places, service_times=times, error_rate=error_rate)
    system = System({"ml.m5.large": profile}, client=Client(timeout=math.inf))
    stack = Settings(
        variants=tuple(
            VariantSettings(
                name=f"v{index}",
                instance_type="ml.m5.large",
                initial_instance_count=count,
                initial_variant_weight=weight,
                routing_strategy=strategy,
            )
            for index, (count, weight) in enumerate(zip(counts, weights, strict=False))
        )
    )
    traffic = ramp(0.0, peak, 6.0)
    out = simulate(stack, system, traffic, seed=seed)
    latencies, failures = run_the_twins_code(stack, system, traffic, seed)
    assert {name: out.failures[name] for name in failures} == failures
    expected = np.histogram(latencies, edges())[0]
    assert np.array_equal(out.latencies.counts, expected)


def test_sagemaker_stops_waiting_and_the_server_still_finishes() -> None:
    """On SageMaker the container has 60 s to answer (SageMaker guide). Here it has 1 s for work that takes 4."""
    system = System({"ml.m5.large": a_profile(workers=1, service_times=(always(4.0),))}, invocation_timeout=1.0)
    stack = Settings(variants=(VariantSettings(instance_type="ml.m5.large"),))
    out = simulate(stack, system, constant(0.2, 3600.0), seed=1)
    assert out.failures["invocation_timeout"] + out.failures["queue_full"] == out.requests
    busy = simulate(stack, system, Traffic((Piece(10.0, 1.0, 1.0), Piece(600.0, 0.1, 0.1))), seed=1)
    assert busy.series.queued.max() > 0


def test_an_answer_after_the_callers_timeout_is_a_failure() -> None:
    system = System({"ml.m5.large": a_profile(service_times=(always(2.0),))}, client=Client(timeout=1.0))
    stack = Settings(variants=(VariantSettings(instance_type="ml.m5.large"),), function=FunctionSettings())
    out = simulate(stack, system, constant(0.5, 600.0), seed=1)
    assert out.failures["client_timeout"] == out.requests > 0


def test_without_a_function_callers_retry_the_model_servers_503() -> None:
    system = System(
        {"ml.m5.large": a_profile(workers=1, queue_length=0, service_times=(always(0.1),))},
        client=Client(retries=5, backoff=0.2),
    )
    stack = Settings(variants=(VariantSettings(instance_type="ml.m5.large"),))
    out = simulate(stack, system, constant(4.0, 600.0), seed=1)
    assert out.retries > 0
    assert out.failures["queue_full"] < 0.01 * out.requests


def test_memory_grows_with_requests_in_flight_not_with_the_length_of_the_run() -> None:
    from harness.simulator.simulation import StackSimulation

    system = System({"ml.m5.large": a_profile(workers=4, service_times=(always(0.1),))})
    stack = Settings(variants=(VariantSettings(instance_type="ml.m5.large", initial_instance_count=2),))
    sizes = []
    for seconds in (600.0, 60_000.0):
        run = StackSimulation(stack, system, constant(30.0, seconds), seed=1)
        run.run()
        sizes.append(run.slots_used)
    assert sizes[1] <= sizes[0] + 20
    assert sizes[1] < 200


@pytest.mark.parametrize("strategy", ["RANDOM", "LEAST_OUTSTANDING_REQUESTS"])
def test_room_is_made_for_more_attempts_in_flight(strategy: Strategy) -> None:
    """40 servers with full queues hold far more attempts than there is room for at first."""
    profile = a_profile(workers=1, queue_length=100, service_times=(always(30.0),))
    variant = VariantSettings(instance_type="ml.m5.large", initial_instance_count=40, routing_strategy=strategy)
    out = simulate(Settings(variants=(variant,)), System({"ml.m5.large": profile}), constant(500.0, 30.0), seed=1)
    assert out.requests == out.succeeded + sum(out.failures.values())
    assert out.failures["invocation_timeout"] > 1024
    assert out.failures["queue_full"] > 0
