"""Lambda's metrics. Names and dimensions: Lambda guide, monitoring-metrics-types and monitoring-metrics-view."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from harness.backend.client import Backend
from harness.backend.metrics import Metrics, Series
from harness.core.clock import WallClock
from harness.core.errors import AwsError
from harness.functions.api import Functions
from harness.functions.rules.names import FunctionReference
from tests.functions.conftest import ACCOUNT, REGION, Lambda, eventually, known_roles, running


class Recorded(Metrics):
    """Keeps the recorded values in memory instead of sending them to the backend."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend, WallClock())
        self.values: dict[tuple[str, str], list[float]] = {}

    def record(self, series: Series, value: float) -> None:
        assert series.namespace == "AWS/Lambda"
        dimensions = ",".join(f"{name}={value}" for name, value in series.dimensions)
        self.values.setdefault((series.name, dimensions), []).append(value)


@pytest.fixture
def recorded(backend: Backend) -> Recorded:
    return Recorded(backend)


@pytest.fixture
async def measured(backend: Backend, recorded: Recorded, tmp_path: Path) -> AsyncIterator[Lambda]:
    service = Functions(
        backend,
        WallClock(),
        recorded,
        known_roles(),
        gateway_url=str(backend.at),
        workspace=tmp_path / "m",
        preparation=0.0,
    )
    async with running(service, backend) as lambda_:
        yield lambda_


async def test_an_invocation_is_counted_for_function_resource_and_account(measured: Lambda, recorded: Recorded) -> None:
    name = await measured.create("def handler(event, context): return 1 / event")
    await measured.invoke(name, 1)
    await measured.invoke(name, 0)
    await eventually(lambda: len(recorded.values["Errors", ""]) == 2)
    for dimensions in ("", f"FunctionName={name}", f"FunctionName={name},Resource={name}"):
        assert recorded.values["Invocations", dimensions] == [1, 1]
        assert recorded.values["Errors", dimensions] == [0, 1]
        assert recorded.values["Throttles", dimensions] == [0, 0]
        assert recorded.values["ConcurrentExecutions", dimensions] == [1, 1]
        assert all(0 < duration < 10_000 for duration in recorded.values["Duration", dimensions])
    assert recorded.values["UnreservedConcurrentExecutions", ""] == [1, 1]
    assert not any("Provisioned" in metric or "ExecutedVersion" in where for metric, where in recorded.values)


async def test_a_throttle_is_not_counted_as_an_invocation(measured: Lambda, recorded: Recorded) -> None:
    name = await measured.create()
    await measured("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=0)
    with pytest.raises(AwsError):
        await measured.invoke(name)
    assert recorded.values["Throttles", f"FunctionName={name}"] == [1]
    assert ("Invocations", "") not in recorded.values


async def test_concurrency_is_what_runs_as_each_execution_starts(measured: Lambda, recorded: Recorded) -> None:
    name = await measured.create("import time\ndef handler(event, context): time.sleep(0.3)")
    calls = [measured.invoke(name), measured.invoke(name), measured.invoke(name, Qualifier="$LATEST")]
    await asyncio.gather(*calls)
    assert recorded.values["ConcurrentExecutions", f"FunctionName={name}"] == [1, 2, 3]
    assert recorded.values["ConcurrentExecutions", f"FunctionName={name},Resource={name}"] == [1, 2]
    assert recorded.values["ConcurrentExecutions", f"FunctionName={name},Resource={name}:$LATEST"] == [1]
    await measured("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=5)
    await measured.invoke(name)
    assert recorded.values["UnreservedConcurrentExecutions", ""] == [1, 2, 3]  # the last one was reserved


async def test_provisioned_concurrency_and_its_spillover_are_recorded_for_the_alias(
    measured: Lambda, recorded: Recorded
) -> None:
    name = await measured.create("import time\ndef handler(event, context): time.sleep(0.3)", Publish=True)
    await measured("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1")
    service, reference = measured.service, FunctionReference(ACCOUNT, REGION, name, "live")
    config = service.set_provisioned_concurrency(reference, 2)
    await eventually(lambda: config.current.status == "READY")
    await asyncio.gather(*(measured.invoke(name, Qualifier="live") for _ in range(3)))
    resource = f"FunctionName={name},Resource={name}:live"
    for dimensions in (resource, f"ExecutedVersion=1,{resource}"):
        assert recorded.values["ProvisionedConcurrencyInvocations", dimensions] == [1, 1, 0]
        assert recorded.values["ProvisionedConcurrencySpilloverInvocations", dimensions] == [0, 0, 1]
        assert recorded.values["ProvisionedConcurrentExecutions", dimensions] == [1, 2, 2]
        assert recorded.values["ProvisionedConcurrencyUtilization", dimensions] == [0.5, 1.0, 1.0]
    assert recorded.values["UnreservedConcurrentExecutions", ""] == [1]  # the one that spilled over


async def test_events_are_counted_when_received_and_when_dropped(measured: Lambda, recorded: Recorded) -> None:
    name = await measured.create("def handler(event, context): return 1 / event")
    await measured("PutFunctionEventInvokeConfig", FunctionName=name, MaximumRetryAttempts=0)
    for event in (1, 0):
        await measured.invoke(name, event, InvocationType="Event")
    await eventually(lambda: not measured.service.state.invoker._events._tasks)
    where = f"FunctionName={name}"
    assert recorded.values["AsyncEventsReceived", where] == [1, 1]
    assert recorded.values["AsyncEventsDropped", where] == [1]
    assert all(0 <= age < 5_000 for age in recorded.values["AsyncEventAge", where])


async def test_a_failed_delivery_to_a_destination_is_counted(measured: Lambda, recorded: Recorded) -> None:
    name = await measured.create()
    destination = {"OnSuccess": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"}}
    await measured("PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=destination)
    await measured.invoke(name, 1, InvocationType="Event")
    await eventually(lambda: ("DestinationDeliveryFailures", "") in recorded.values)


async def test_the_metrics_reach_cloudwatch(backend: Backend, tmp_path: Path) -> None:
    clock = WallClock()
    metrics = Metrics(backend, clock)
    service = Functions(backend, clock, metrics, known_roles(), gateway_url=str(backend.at), workspace=tmp_path / "c")
    async with running(service, backend) as lambda_:
        name = await lambda_.create()
        await lambda_.invoke(name)
    await metrics.close()
    dimensions: list[Any] = [{"Name": "FunctionName", "Value": name}]
    answer = await backend.call("cloudwatch", "list_metrics", Namespace="AWS/Lambda", Dimensions=dimensions)
    assert {metric["MetricName"] for metric in answer["Metrics"]} == {
        "Invocations",
        "Errors",
        "Throttles",
        "Duration",
        "ConcurrentExecutions",
    }
