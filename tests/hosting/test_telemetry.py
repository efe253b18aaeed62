"""The metrics of an endpoint (SM guide, monitoring-cloudwatch)."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.hosting.instances.base import Answer, ResourceUsage
from tests.hosting.hands import Held

ERRORS = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")


def to_next_minute(held: Held) -> None:
    held.advance(60 - held.clock.now() % 60 + 1)


def test_a_minute_of_invocations(held: Held) -> None:
    name = held.endpoint(held.config({"count": 2}))
    to_next_minute(held)
    for _ in range(4):
        held.invoke(name)
    to_next_minute(held)
    dimensions = {"EndpointName": name, "VariantName": "v"}
    assert held.metric("Invocations", **dimensions)[-1].total == 4
    per_instance = held.metric("InvocationsPerInstance", **dimensions)[-1]
    assert (per_instance.total, per_instance.maximum) == (2.0, 0.5)
    model = held.metric("ModelLatency", **dimensions)[-1]
    assert (model.samples, model.maximum < 5e6) == (4, True)
    assert held.metric("OverheadLatency", **dimensions)[-1].minimum >= 0
    for error in ERRORS:
        assert held.metric(error, **dimensions)[-1].statistic("Average") == 0


def test_each_request_counts_by_the_instances_active_when_it_arrived(held: Held) -> None:
    """Dividing the minute's sum by the count at its end would be wrong (SM guide)."""
    name = held.endpoint(held.config())
    to_next_minute(held)
    held.invoke(name)
    change = {"VariantName": "v", "DesiredInstanceCount": 4}
    held.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[change])
    held.settled(name)
    held.invoke(name)
    to_next_minute(held)
    assert held.metric("InvocationsPerInstance", EndpointName=name, VariantName="v")[-1].total == 1.25


@pytest.mark.parametrize(("status", "counted"), [(200, (0, 0, 0)), (400, (1, 0, 1)), (503, (0, 1, 1))])
def test_errors_by_what_the_model_answered(held: Held, status: int, counted: tuple[int, int, int]) -> None:
    name = held.endpoint(held.config())
    to_next_minute(held)
    held.hands.answer["v"] = lambda body, headers: Answer(status, "", {}, b"")
    try:
        held.invoke(name)
    except held.client("sagemaker-runtime").exceptions.ModelError:
        assert status != 200
    to_next_minute(held)
    totals = [held.metric(error, EndpointName=name, VariantName="v")[-1].total for error in ERRORS]
    assert tuple(totals) == counted


def test_an_idle_minute_is_recorded_as_zero(held: Held) -> None:
    """So that scale-in to the minimum happens (SM guide, endpoint-auto-scaling-prerequisites)."""
    name = held.endpoint(held.config())
    to_next_minute(held)
    held.advance(120)
    for metric in ("Invocations", "InvocationsPerInstance", *ERRORS):
        periods = held.metric(metric, EndpointName=name, VariantName="v")[-2:]
        assert [(period.total, period.samples) for period in periods] == [(0, 1), (0, 1)]
    assert not held.metric("ModelLatency", EndpointName=name, VariantName="v")


def test_concurrency_every_10_s_for_each_instance(held: Held) -> None:
    name = held.endpoint(held.config({"count": 2}))
    held.advance(20)
    period = held.metric("ConcurrentRequestsPerModel", 10, EndpointName=name, VariantName="v")[-1]
    assert (period.samples, period.total) == (2, 0)


def test_concurrency_is_the_mean_number_in_flight_over_10_s(held: Held) -> None:
    name = held.endpoint(held.config())
    came, gate = asyncio.Event(), asyncio.Event()

    async def held_back() -> dict[str, Any]:
        came.set()
        await gate.wait()
        return {}

    async def let_go() -> None:
        gate.set()

    held.hands.answer["v"] = lambda body, headers: held_back()
    held.advance(10 - held.clock.now() % 10 + 0.1)
    with ThreadPoolExecutor(1) as pool:
        request = pool.submit(held.invoke, name)
        held.until(came.is_set)
        held.advance(5)
        held.aws.run(let_go())
        request.result(20)
        held.advance(6)  # a period is closed a moment after its end
    mean = held.metric("ConcurrentRequestsPerModel", 10, EndpointName=name, VariantName="v")[-1].total
    assert mean == pytest.approx(0.5, abs=0.05)


def test_cpu_and_memory_of_the_instances_are_recorded(held: Held) -> None:
    """CPUUtilization is summed over cores; MemoryUtilization is of the instance type's: 8 GiB of an ml.m5.large."""
    name = held.endpoint(held.config())
    (instance,) = held.hands.of(name)
    namespace, dimensions = "/aws/sagemaker/Endpoints", {"EndpointName": name, "VariantName": "v"}

    def minute(metric: str) -> Any:
        held.advance(60)
        return held.metric(metric, namespace=namespace, **dimensions)

    instance.used = ResourceUsage(1.0, 2 * 2**30)
    assert held.until(lambda: minute("MemoryUtilization"))[-1].maximum == 25.0
    instance.used = ResourceUsage(1e6, 2 * 2**30)
    assert held.until(lambda: minute("CPUUtilization"), lambda periods: periods and periods[-1].maximum > 200)


def test_a_deleted_endpoint_records_nothing_more(held: Held) -> None:
    name = held.endpoint(held.config())
    held.advance(120)
    held.sagemaker.delete_endpoint(EndpointName=name)
    held.until(lambda: not held.sagemaker.list_endpoints(NameContains=name)["Endpoints"])
    to_next_minute(held)
    before = len(held.metric("Invocations", EndpointName=name, VariantName="v"))
    held.advance(180)
    assert len(held.metric("Invocations", EndpointName=name, VariantName="v")) == before
