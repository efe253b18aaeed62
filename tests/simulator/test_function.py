"""Lambda's concurrency in the simulator is that of the live service under any load."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.functions.rules.concurrency import (
    AccountConcurrency,
    FunctionConcurrency,
    ProvisionedConcurrency,
    Refusal,
    Start,
)
from harness.load.schedule import Piece, Schedule
from harness.load.traffic_forms import constant
from harness.simulator import simulate
from harness.simulator.settings import FunctionSettings, ProvisionedScaling, Settings, VariantSettings
from harness.simulator.system import Client, FunctionProfile, System
from tests.profiles import a_profile
from tests.profiles import constant as always
from tests.simulator.arrivals import arrivals_of

SERVICE, LEAD, COLD = 0.1, 0.004, 0.3


def a_stack(**members: object) -> Settings:
    """A function in front of more workers than it can keep busy."""
    return Settings(
        variants=(VariantSettings(instance_type="ml.m5.large"),),
        function=FunctionSettings(**members),  # type: ignore[arg-type]
    )


def a_system(**members: object) -> System:
    system_members = {
        "profiles": {"ml.m5.large": a_profile(workers=1000, service_times=(always(SERVICE),))},
        "function": FunctionProfile(2 * LEAD, COLD),
        **members,
    }
    return System(**system_members)  # type: ignore[arg-type]


@dataclass
class Live:
    """The live service's own admission under the same arrivals. Executions last as long as in the simulator."""

    reserved: int | None
    provisioned: int
    service: float

    def __post_init__(self) -> None:
        self.function = FunctionConcurrency(AccountConcurrency())
        self.own = ProvisionedConcurrency(self.function, self.provisioned)
        self.own.allocate(self.provisioned)
        if self.reserved is not None:
            self.function.reserve(self.reserved)

    def run(self, arrivals: list[float]) -> dict[str, int]:
        counts = {"cold": 0, "throttled": 0, "executed": 0}
        ends: list[tuple[float, int, Start]] = []
        idle: list[float] = []
        for number, now in enumerate(arrivals):
            while ends and ends[0][0] <= now:
                at, _, start = heapq.heappop(ends)
                self.function.done(start, self.own)
                if start is not Start.PROVISIONED:
                    idle.append(at)
            start = self.function.admit(now, warm=bool(idle), provisioned=self.own)
            if isinstance(start, Refusal):
                counts["throttled"] += 1
                continue
            counts["executed"] += 1
            counts["cold"] += start is Start.COLD
            if start is Start.WARM:
                idle.pop()
            took = 2 * LEAD + self.service + (COLD if start is Start.COLD else 0.0)
            heapq.heappush(ends, (now + took, number, start))
        return counts


@settings(max_examples=40, deadline=None)
@given(
    rates=st.lists(st.integers(0, 400).map(float), min_size=1, max_size=4).filter(any),
    reserved=st.none() | st.integers(0, 30),
    provisioned=st.integers(0, 20),
    service=st.sampled_from([0.02, SERVICE, 0.5]),  # below 0.1 s the rate of requests is what throttles
    seed=st.integers(0, 2**32),
)
@example([300.0], 4, 2, 0.02, 5)  # limited by the requests a second of the reserved concurrency
@example([2500.0], None, 0, 0.5, 5)  # limited by the account's concurrency
@example([20.0, 0.0, 60.0], 12, 10, 0.1, 5)  # provisioned concurrency spills over into the reserved one
def test_the_same_requests_are_cold_or_throttled_as_in_the_live_service(
    rates: list[float], reserved: int | None, provisioned: int, service: float, seed: int
) -> None:
    provisioned = provisioned if reserved is None else min(provisioned, reserved)
    traffic = Schedule(tuple(Piece(2.0, rate, rate) for rate in rates))
    stack = a_stack(reserved_concurrent_executions=reserved, provisioned_concurrent_executions=provisioned)
    system = a_system(profiles={"ml.m5.large": a_profile(workers=1000, service_times=(always(service),))})
    out = simulate(stack, system, traffic, seed=seed)
    expected = Live(reserved, provisioned, service).run(arrivals_of(traffic, seed))
    assert {"cold": out.cold_starts, "throttled": out.throttles, "executed": out.function_requests} == expected


def test_an_execution_holds_its_concurrency_while_the_endpoint_works() -> None:
    """Concurrency is rate times duration (Lambda guide, lambda-concurrency), with the endpoint's time included."""
    out = simulate(a_stack(), a_system(), constant(50.0, 1800.0), seed=1)
    assert out.series.concurrency.mean() == pytest.approx(50 * (SERVICE + 2 * LEAD), rel=0.02)
    busy = a_system(profiles={"ml.m5.large": a_profile(workers=4, service_times=(always(SERVICE),))})
    slowed = simulate(a_stack(), busy, constant(39.0, 1800.0), seed=1)
    assert slowed.series.concurrency.mean() > 1.5 * 39 * (SERVICE + 2 * LEAD)


def test_a_request_waits_for_its_cold_start() -> None:
    out = simulate(a_stack(), a_system(), constant(0.001, 10_000.0), seed=1)
    assert out.cold_starts >= 1
    assert out.latencies.percentile(1.0) == pytest.approx(COLD + SERVICE + 2 * LEAD, rel=0.01)


def test_a_throttled_caller_tries_again_and_is_counted_once() -> None:
    patient = a_system(client=Client(retries=8, backoff=0.2))
    stack = a_stack(reserved_concurrent_executions=4)
    traffic = Schedule((Piece(2.0, 60.0, 60.0), Piece(120.0, 1.0, 1.0)))
    hasty, tried = (simulate(stack, system, traffic, seed=1) for system in (a_system(), patient))
    assert hasty.requests == tried.requests
    assert hasty.failures["throttled"] == hasty.throttles > 0
    assert tried.failures["throttled"] < hasty.failures["throttled"] / 2
    assert tried.retries >= tried.throttles - tried.failures["throttled"] > 0


def test_the_functions_timeout_ends_an_execution_and_its_environment() -> None:
    slow = a_system(profiles={"ml.m5.large": a_profile(workers=1000, service_times=(always(3.0),))})
    out = simulate(a_stack(timeout=1.0), slow, constant(2.0, 600.0), seed=1)
    assert out.failures["function_timeout"] == out.requests == out.cold_starts
    assert out.function_seconds == pytest.approx(1.0 * out.requests)


def test_provisioned_environments_serve_without_a_cold_start_and_follow_their_utilization() -> None:
    scaling = ProvisionedScaling(min_capacity=2, max_capacity=40, target_value=0.7)
    fixed = a_stack(provisioned_concurrent_executions=40)
    scaled = a_stack(provisioned_concurrent_executions=2, provisioned_scaling=scaling)
    traffic = constant(100.0, 3600.0)
    assert simulate(fixed, a_system(), traffic, seed=1).cold_starts == 0
    out = simulate(scaled, a_system(), traffic, seed=1)
    assert 2 * 3600 < out.held_seconds < 40 * 3600
    assert out.cold_starts > 0
