"""What auto scaling costs: a minute's evaluation of many policies, virtual time, and a live run at speed 10.

``make bench`` runs this. It records figures and asserts none of this machine's times.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.backend.client import Backend
from harness.backend.metrics import Metrics, Series
from harness.core.clock import VirtualClock
from harness.local_aws.options import LocalAwsOptions
from harness.scaling.cloudwatch import CloudWatchAlarms
from harness.scaling.controller import Controller
from harness.scaling.records import PolicyRecord, TargetKey, TargetRecord, TargetRecords
from harness.scaling.resources import ResourceFinder
from harness.scaling.rules.configurations import tracking_settings
from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.resource_ids import VARIANT_DIMENSION, parse_resource
from harness.scaling.rules.target import CapacityChange, ScalableTarget
from harness.scaling.rules.timing import visible_periods, window
from harness.scaling.rules.tracking import TargetTrackingSettings
from tests.benchmarks.figures import Table
from tests.scaling.fleet import virtual_variant
from tests.scaling.live import Scenario, differences
from tests.scaling.service import Hosting, invocations
from tests.support import ACCOUNT, REGION, Aws, running_aws

POLICIES = 1_000
DAY = 86_400


class Nowhere(Backend):
    """A backend that keeps nothing."""

    def client(self, service: str, region: str | None = None) -> Any:
        return self

    def put_metric_data(self, **_: Any) -> dict[str, Any]:
        return {}


class Fleet:
    """1,000 endpoints, each with a policy and 20 minutes of datapoints. Their alarms are not written anywhere."""

    def __init__(self) -> None:
        self.clock = VirtualClock(float(int(time.time()) // 60 * 60))
        backend = Nowhere("http://127.0.0.1:9")
        self.metrics = Metrics(backend, self.clock)
        self.hosting, self.records = Hosting(self.clock), TargetRecords()
        self.resources = ResourceFinder({"sagemaker": self.hosting})
        self.series = [self._endpoint(f"endpoint-{number}") for number in range(POLICIES)]
        self.controller = Controller(self.records, self.clock, self.metrics, CloudWatchAlarms(backend))

    async def record(self) -> None:
        await self.metrics.start()
        self.metrics.sample(60, lambda: [(series, 4.8) for series in self.series])
        await self.clock.advance(20 * 60)

    def _endpoint(self, name: str) -> Series:
        self.hosting.counts[name] = [2, 2]
        self.records.add(self._target(name, self.resources))
        dimensions = (("EndpointName", name), ("VariantName", "AllTraffic"))
        return Series("AWS/SageMaker", "InvocationsPerInstance", dimensions, "None", REGION)

    def _target(self, name: str, resources: ResourceFinder) -> TargetRecord:
        key = TargetKey(ACCOUNT, REGION, "sagemaker", f"endpoint/{name}/variant/AllTraffic", VARIANT_DIMENSION)
        resource = parse_resource(key.namespace, key.resource_id, key.dimension)
        assert resource is not None
        record = TargetRecord.new(key, resource, resources.find(resource, ACCOUNT, REGION), self.clock.now())
        record.rules.minimum, record.rules.maximum = 1, 10
        configuration = invocations(5)
        settings, source = tracking_settings(configuration, resource, key.dimension)
        request = {"TargetTrackingScalingPolicyConfiguration": configuration}
        record.put_policy(
            PolicyRecord("p", "arn", self.clock.now(), request, TrackingPolicy.new("p", settings), source)
        )
        return record


def test_a_minutes_evaluation_of_1000_policies(figures: Table, benchmark: Any) -> None:
    """The goal is 100 ms. Each policy takes the resource's state, 17 datapoints, two alarms and a decision."""
    fleet, loop = Fleet(), asyncio.new_event_loop()
    loop.run_until_complete(fleet.record())

    def look() -> None:
        loop.run_until_complete(fleet.controller.look(fleet.clock.now()))

    benchmark.pedantic(look, rounds=10, warmup_rounds=2)
    states = {record.policies["p"].rules.low.state for record in fleet.records.all()}  # type: ignore[union-attr]
    assert states == {"OK"}
    loop.run_until_complete(fleet.metrics.close())
    loop.close()
    figures.add(
        "scaling",
        "evaluating a minute of 1,000 policies",
        benchmark.stats.stats.median * 1000,
        "ms",
        at_most=100,
        short=True,
    )


def test_virtual_time_relative_to_wall_clock_time(figures: Table, benchmark: Any) -> None:
    """The goal is 100,000 times as fast."""

    # One endpoint for a day: every minute a datapoint, two alarms, a decision; load and instances every ten seconds.
    def day() -> None:
        policy = TrackingPolicy.new("p", TargetTrackingSettings(100, 60, 60))
        virtual_variant(policy, lambda now: 500.0 if now // 7200 % 2 else 50.0, maximum=8).run(DAY)

    benchmark.pedantic(day, rounds=5, warmup_rounds=1)
    figures.add(
        "scaling",
        "virtual time, relative to wall-clock time",
        DAY / benchmark.stats.stats.median,
        "times",
        at_least=100_000,
    )


def test_the_decision_alone(figures: Table, benchmark: Any) -> None:
    # The simulator calls this between its requests.
    policy = TrackingPolicy.new("p", TargetTrackingSettings(100))
    target = ScalableTarget(1, 8, policies=[policy])
    series = [50.0 + 100.0 * (minute // 30 % 2) for minute in range(24 * 60)]

    def day() -> int:
        capacity = 1
        for now in range(0, DAY, 60):
            policy.evaluate(now, window(series, visible_periods(now, 60), 17))
            decision = target.decide(now, capacity)
            if isinstance(decision, CapacityChange):
                target.begin(now, capacity, decision)
                target.cooldowns.completed(now)
                capacity = decision.capacity
        return capacity

    benchmark.pedantic(day, rounds=5, warmup_rounds=1)
    figures.add("scaling", "a decision", benchmark.stats.stats.median / 1440 * 1e6, "us")


@pytest.fixture
def ten_times() -> Iterator[Aws]:
    with running_aws(LocalAwsOptions(port=0, speed=10)) as aws:
        yield aws


def test_live_at_speed_10_and_virtual_time(figures: Table, ten_times: Aws) -> None:
    scenario = Scenario()
    (live, _), virtual = scenario.live(ten_times), scenario.virtual()
    seconds_apart = differences(live, virtual)
    print(f"\nlive at speed 10: {live}\nvirtual: {virtual}")
    figures.add(
        "scaling",
        "largest difference between live at speed 10 and virtual time",
        max(seconds_apart),
        "s of the clock",
        at_most=60,
    )
    assert max(seconds_apart) <= 60
