"""One datapoint per series and period, in the backend's CloudWatch."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from harness.backend.metrics import Datapoint, Metrics, Series
from harness.core.clock import VirtualClock
from tests.support import REGION, Aws, unique

# A minute in the recent past: CloudWatch takes no data from far away.
START = (datetime.now(UTC) - timedelta(hours=1)).replace(second=0, microsecond=0)


def series(namespace: str, name: str = "Invocations", period: int = 60) -> Series:
    return Series(namespace, name, (("EndpointName", "e"),), "Count", REGION, period)


def read(
    aws: Aws, namespace: str, name: str = "Invocations", period: int = 60
) -> list[tuple[datetime, dict[str, Any]]]:
    answer = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": "EndpointName", "Value": "e"}],
        StartTime=START - timedelta(minutes=1),
        EndTime=START + timedelta(minutes=10),
        Period=period,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )
    return sorted((datapoint["Timestamp"], datapoint) for datapoint in answer["Datapoints"])


async def test_a_minute_is_put_when_it_is_over(aws: Aws) -> None:
    clock, namespace = VirtualClock(START.timestamp()), unique("Test")
    metrics = Metrics(aws.local.backend, clock)
    await metrics.start()
    for value in (1.0, 1.0, 0.5):
        metrics.record(series(namespace), value)
    await clock.advance(59)
    metrics.record(series(namespace), 2.0)
    assert await asyncio.to_thread(read, aws, namespace) == []
    await clock.advance(10)
    metrics.record(series(namespace), 7.0)
    await metrics.close()
    (first, first_datapoint), (second, second_datapoint) = await asyncio.to_thread(read, aws, namespace)
    assert (first, second) == (START, START + timedelta(minutes=1))
    assert (first_datapoint["Sum"], first_datapoint["SampleCount"], first_datapoint["Maximum"]) == (4.5, 4.0, 2.0)
    assert second_datapoint["Sum"] == 7.0


async def test_a_sampler_gives_zeros_when_nothing_happens(aws: Aws) -> None:
    clock, namespace = VirtualClock(START.timestamp()), unique("Test")
    metrics = Metrics(aws.local.backend, clock)
    await metrics.start()
    end = metrics.sample(60, lambda: [(series(namespace), 0.0)])
    for _ in range(3):
        await clock.advance(60)
    end()
    await clock.advance(60)
    await metrics.close()
    assert [datapoint["Sum"] for _, datapoint in await asyncio.to_thread(read, aws, namespace)] == [0.0, 0.0, 0.0]


async def test_more_values_than_a_datapoint_takes_are_put_as_their_statistics(aws: Aws) -> None:
    clock, namespace = VirtualClock(START.timestamp()), unique("Test")
    metrics = Metrics(aws.local.backend, clock)
    for value in range(1000):
        metrics.record(series(namespace), float(value))
    await metrics.close()
    ((_, datapoint),) = await asyncio.to_thread(read, aws, namespace)
    assert (datapoint["Sum"], datapoint["SampleCount"], datapoint["Maximum"]) == (499_500.0, 1000.0, 999.0)


async def test_a_busy_minute_of_one_value_costs_the_backend_one_datum_and_not_one_for_each_request() -> None:
    put: list[dict[str, Any]] = []

    class Recorder:
        async def call(self, _service: str, _method: str, **request: Any) -> dict[str, Any]:
            put.extend(request["MetricData"])
            return {}

    metrics = Metrics(Recorder(), VirtualClock(START.timestamp()))  # type: ignore[arg-type]
    for _ in range(10_000):
        metrics.record(series("Test"), 1.0)
    await metrics.close()
    (datum,) = put
    assert datum["StatisticValues"] == {"SampleCount": 10_000.0, "Sum": 10_000.0, "Minimum": 1.0, "Maximum": 1.0}
    assert "Values" not in datum


@given(st.lists(st.integers(-1000, 1000).map(float)))
def test_a_datapoint_keeps_count_and_sum(values: list[float]) -> None:
    datapoint = Datapoint()
    for value in values:
        datapoint.add(value)
    assert (datapoint.samples, datapoint.total) == (len(values), sum(values))


async def test_history_keeps_the_periods_that_are_over(aws: Aws) -> None:
    clock, namespace = VirtualClock(START.timestamp()), unique("Test")
    metrics = Metrics(aws.local.backend, clock)
    await metrics.start()
    for value in (4.0, 1.0, 1.0):
        metrics.record(series(namespace), value)
    await clock.advance(120)
    metrics.record(series(namespace), 5.0)
    await clock.advance(70)
    metrics.record(series(namespace), 6.0)  # its minute is not over
    first, second = metrics.history(namespace, "Invocations", [("EndpointName", "e")], REGION) or []
    assert (first.start, second.start) == (START.timestamp(), START.timestamp() + 120)
    statistics = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")
    assert [first.statistic(name) for name in statistics] == [6.0, 2.0, 1.0, 4.0, 3.0]
    since = START.timestamp() + 60
    assert metrics.history(namespace, "Invocations", [("EndpointName", "e")], REGION, since=since) == [second]
    assert metrics.history(namespace, "Errors", [("EndpointName", "e")], REGION) is None
    await metrics.close()
