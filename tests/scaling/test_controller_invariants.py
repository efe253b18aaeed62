"""Properties of the running service under any load, bounds and order, with a stand-in for SageMaker."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.backend.client import Backend
from harness.backend.metrics import Metrics, Series
from harness.core.clock import VirtualClock
from harness.scaling.cloudwatch import CloudWatchAlarms
from harness.scaling.controller import Controller
from harness.scaling.records import ActionRecord, PolicyRecord, TargetKey, TargetRecord, TargetRecords
from harness.scaling.resources import ResourceFinder
from harness.scaling.rules.configurations import step_settings, tracking_settings
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy
from harness.scaling.rules.resource_ids import VARIANT_DIMENSION, parse_resource
from harness.scaling.rules.schedule_expressions import At
from tests.scaling.service import Hosting, invocations
from tests.support import ACCOUNT, REGION

START = 1_800_000_000 // 60 * 60.0
MINUTES = 40


@dataclass(frozen=True)
class Plan:
    """One endpoint. loads: invocations a minute, for 3 minutes each. actions: (minute, minimum, maximum)."""

    name: str
    minimum: int
    maximum: int
    target: float
    cooldown: int
    loads: tuple[float, ...]
    steps: int
    threshold: float
    actions: tuple[tuple[int, int | None, int | None], ...]


def bounds(drawn: tuple[int, int]) -> tuple[int, int]:
    return drawn[0], drawn[0] + drawn[1]


BOUNDS = st.tuples(st.integers(1, 3), st.integers(0, 6)).map(bounds)
ACTION = st.one_of(
    st.tuples(st.integers(1, MINUTES), st.just(None), st.integers(1, 9)),
    st.tuples(st.integers(1, MINUTES), st.integers(1, 9), st.just(None)),
    st.builds(lambda minute, both: (minute, *both), st.integers(1, MINUTES), BOUNDS),
)
PLAN = st.builds(
    lambda both, **more: Plan("", *both, **more),
    BOUNDS,
    target=st.floats(1, 50),
    cooldown=st.sampled_from([0, 60, 300]),
    loads=st.lists(st.floats(0, 500), min_size=1, max_size=6).map(tuple),
    steps=st.sampled_from([-2, -1, 0, 1, 3]),
    threshold=st.floats(1, 100),
    actions=st.lists(ACTION, max_size=3).map(tuple),
)
PLANS = st.lists(PLAN, min_size=1, max_size=3).map(
    lambda drawn: [Plan(**{**vars(plan), "name": f"e{number}"}) for number, plan in enumerate(drawn)]
)


class Nowhere(Backend):
    """A CloudWatch that answers with the users' alarms and forgets everything that is put."""

    def __init__(self, alarms: list[dict[str, Any]]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.alarms = alarms

    def client(self, service: str, region: str | None = None) -> Any:
        return self

    def get_paginator(self, _: str) -> Any:
        return self

    def get_metric_data(self, **_: Any) -> dict[str, Any]:
        return {"MetricDataResults": [{"Timestamps": [], "Values": []}]}

    def paginate(self) -> list[dict[str, Any]]:
        return [{"MetricAlarms": self.alarms}]

    async def call(self, service: str, method: str, /, **parameters: Any) -> dict[str, Any]:
        return {}


class Fleet:
    """The service with the endpoints of some plans. seen: each change as (time, endpoint, current, desired)."""

    def __init__(self, plans: list[Plan]) -> None:
        self.clock = VirtualClock(START)
        self.backend = Nowhere([_alarm(plan) for plan in plans if plan.steps])
        self.metrics = Metrics(self.backend, self.clock)
        self.hosting, self.records = Hosting(self.clock), TargetRecords()
        self.controller = Controller(self.records, self.clock, self.metrics, CloudWatchAlarms(self.backend))
        self.seen: list[tuple[float, str, int, int]] = []
        for plan in plans:
            self._add(plan)

    def _add(self, plan: Plan) -> None:
        self.hosting.counts[plan.name] = [plan.minimum, plan.minimum]
        key = TargetKey(ACCOUNT, REGION, "sagemaker", f"endpoint/{plan.name}/variant/AllTraffic", VARIANT_DIMENSION)
        resource = parse_resource(key.namespace, key.resource_id, key.dimension)
        assert resource is not None
        scalable = ResourceFinder({"sagemaker": self.hosting}).find(resource, ACCOUNT, REGION)
        record = TargetRecord.new(key, resource, scalable, START)
        record.rules.minimum, record.rules.maximum = plan.minimum, plan.maximum
        request = {
            "TargetTrackingScalingPolicyConfiguration": invocations(
                plan.target, ScaleOutCooldown=plan.cooldown, ScaleInCooldown=plan.cooldown
            )
        }
        tracked, source = tracking_settings(
            request["TargetTrackingScalingPolicyConfiguration"], resource, key.dimension
        )
        tracking = TrackingPolicy.new("tracking", tracked, f"{plan.name}-high", f"{plan.name}-low")
        policies = [PolicyRecord("tracking", "arn:tracking", START, request, tracking, source)]
        if plan.steps:
            step = StepPolicy("steps", step_settings(_steps(plan)))
            policies.append(PolicyRecord("steps", f"arn:{plan.name}", START, {}, step))
        for policy in policies:
            record.put_policy(policy)
        for number, (minute, minimum, maximum) in enumerate(plan.actions):
            at = START + 60 * minute
            both = {"MinCapacity": minimum, "MaxCapacity": maximum}
            action = {"ScalableTargetAction": {name: bound for name, bound in both.items() if bound is not None}}
            record.actions[f"a{number}"] = ActionRecord(f"a{number}", "arn", START, action, At(at), at)
        self.records.add(record)
        dimensions = (("EndpointName", plan.name), ("VariantName", "AllTraffic"))
        series = Series("AWS/SageMaker", "InvocationsPerInstance", dimensions, "None", REGION)

        def load() -> list[tuple[Series, float]]:
            now = self.clock.now() - START
            total = plan.loads[int(now // 180) % len(plan.loads)]
            return [(series, total / max(1, self.hosting.counts[plan.name][0]))]

        self.metrics.sample(60, load)

    async def run(self) -> Fleet:
        await self.metrics.start()
        for _ in range(MINUTES * 6):
            await self.clock.advance(10)
            await self.controller.look(self.clock.now())
            for record in self.records.all():
                self._look_at(record)
        await self.metrics.close()
        return self

    def _look_at(self, record: TargetRecord) -> None:
        name = record.key.resource_id.split("/")[1]
        current, desired = self.hosting.counts[name]
        before = next((change for change in reversed(self.seen) if change[1] == name), None)
        if before is None or before[2:] != (current, desired):
            self.seen.append((self.clock.now() - START, name, current, desired))
        newest = next((activity for activity in record.activities if activity.capacity is not None), None)
        if newest is not None and newest.status in ("InProgress", "Successful"):
            assert (newest.capacity, bool(newest.cause)) == (desired, True), "a change that no activity explains"
        elif before is not None:
            assert desired == before[3], "a change that no activity explains"
        if current == desired and not record.rules.bounds_set:
            assert record.rules.minimum <= desired <= record.rules.maximum, "outside its bounds"


def _steps(plan: Plan) -> dict[str, Any]:
    side = "MetricIntervalLowerBound" if plan.steps > 0 else "MetricIntervalUpperBound"
    step = {side: 0.0, "ScalingAdjustment": plan.steps}
    return {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step], "Cooldown": plan.cooldown}


def _alarm(plan: Plan) -> dict[str, Any]:
    names = {"EndpointName": plan.name, "VariantName": "AllTraffic"}
    return {
        "AlarmName": f"{plan.name}-alarm",
        "AlarmActions": [f"arn:{plan.name}"],
        "Namespace": "AWS/SageMaker",
        "MetricName": "InvocationsPerInstance",
        "Dimensions": [{"Name": name, "Value": value} for name, value in names.items()],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": plan.threshold,
        "ComparisonOperator": f"{'Greater' if plan.steps > 0 else 'Less'}ThanThreshold",
    }


@given(PLANS, st.randoms())
@settings(max_examples=40, deadline=None)
@pytest.mark.unmeasured
def test_capacity_stays_within_bounds_and_changes_with_a_cause_in_any_order(plans: list[Plan], shuffle: Any) -> None:
    """Fleet.run() asserts bounds and causes at every look. The order of things due at the same time does not matter."""
    seen = asyncio.run(Fleet(plans).run()).seen
    shuffled = list(plans)
    shuffle.shuffle(shuffled)
    again = Fleet(shuffled)
    for record in again.records.all():
        record.actions = dict(reversed(record.actions.items()))
        record.policies = dict(reversed(record.policies.items()))
        record.rules.policies = [owner.rules for owner in record.policies.values()]
    again.backend.alarms.reverse()
    assert sorted(asyncio.run(again.run()).seen) == sorted(seen)


def test_scheduled_actions_of_the_same_time_run_by_name() -> None:
    # botocore does not define their order. A fixed order makes a rehearsal repeatable.
    plan = Plan("e", 1, 4, 10.0, 60, (0.0,), 0, 1.0, ((5, 2, 2), (5, 3, 3)))
    fleet = asyncio.run(Fleet([plan]).run())
    (record,) = fleet.records.all()
    assert (record.rules.minimum, record.rules.maximum) == (3, 3)
    assert fleet.hosting.counts["e"] == [3, 3]
    assert datetime.fromtimestamp(START + 300, UTC) in [
        activity.response("", "", "")["StartTime"] for activity in record.activities
    ]
