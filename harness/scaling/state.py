"""What has been registered: scalable targets with their policies, scheduled actions and activities."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from harness.scaling.resources import ResourceState, ScalableResource
from harness.scaling.rules.activities import Activities
from harness.scaling.rules.metric_sources import MetricSource
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy
from harness.scaling.rules.resource_ids import ResourceId
from harness.scaling.rules.schedule import Schedule
from harness.scaling.rules.target import ScalableTarget

_ROLES = {
    "sagemaker": ("sagemaker.application-autoscaling.amazonaws.com", "SageMakerEndpoint"),
    "lambda": ("lambda.application-autoscaling.amazonaws.com", "LambdaConcurrency"),
}


@dataclass(frozen=True, slots=True)
class Key:
    """A scalable target's identity."""

    account: str
    region: str
    namespace: str
    resource_id: str
    dimension: str

    @property
    def members(self) -> dict[str, Any]:
        """As every answer names it."""
        return {
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }

    @property
    def role_arn(self) -> str:
        """The service-linked role's."""
        service, suffix = _ROLES[self.namespace]
        path = f"role/aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_{suffix}"
        return f"arn:aws:iam::{self.account}:{path}"


@dataclass(slots=True, eq=False)
class PolicyRecord:
    """One scaling policy. metric: what a tracking policy tracks; a step policy's alarms bring their own."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]
    policy: TrackingPolicy | StepPolicy
    metric: MetricSource | None = None

    def alarms(self, key: Key) -> list[dict[str, str]]:
        prefix = f"arn:aws:cloudwatch:{key.region}:{key.account}:alarm:"
        if isinstance(self.policy, TrackingPolicy):
            # With DisableScaleIn there is no AlarmLow (Application Auto Scaling guide).
            low = [] if self.policy.settings.disable_scale_in else [self.policy.low.name]
            names = [self.policy.high.name, *low]
        else:
            names = [one.alarm.name for one in self.policy.alarms]
        return [{"AlarmName": name, "AlarmARN": prefix + name} for name in names]

    def response(self, key: Key) -> dict[str, Any]:
        members = {
            "PolicyARN": self.arn,
            "PolicyName": self.name,
            **key.members,
            "PolicyType": self.request["PolicyType"],
            "Alarms": self.alarms(key),
            "CreationTime": datetime.fromtimestamp(self.created, UTC),
        }
        for member in ("TargetTrackingScalingPolicyConfiguration", "StepScalingPolicyConfiguration"):
            if self.request.get(member):
                members[member] = self.request[member]
        return members


@dataclass(slots=True, eq=False)
class ActionRecord:
    """One scheduled action. due: its next time, None when there is none any more."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]
    schedule: Schedule
    due: float | None

    def advance(self, now: float) -> None:
        """Sets the next time after ``now`` within the action's start and end."""
        start, end = self.request.get("StartTime"), self.request.get("EndTime")
        if start is not None:
            now = max(now, start.timestamp() - 1e-3)
        due = self.schedule.after(now)
        self.due = None if due is None or (end is not None and due > end.timestamp()) else due

    def response(self, key: Key) -> dict[str, Any]:
        members = {
            "ScheduledActionName": self.name,
            "ScheduledActionARN": self.arn,
            **key.members,
            "CreationTime": datetime.fromtimestamp(self.created, UTC),
        }
        for member in ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction"):
            if self.request.get(member) is not None:
                members[member] = self.request[member]
        return members


@dataclass(slots=True, eq=False)
class TargetRecord:
    """One scalable target. state: the resource's at the last look."""

    key: Key
    resource_id: ResourceId
    resource: ScalableResource
    target: ScalableTarget
    created: float
    arn: str
    activities: Activities
    role_arn: str
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, PolicyRecord] = field(default_factory=dict)
    actions: dict[str, ActionRecord] = field(default_factory=dict)
    state: ResourceState | None = None

    @classmethod
    def new(cls, key: Key, resource_id: ResourceId, resource: ScalableResource, now: float) -> TargetRecord:
        where = f"arn:aws:application-autoscaling:{key.region}:{key.account}:scalable-target"
        activities = Activities(key.namespace, key.dimension)
        arn = f"{where}/{uuid.uuid4().hex}"
        return cls(key, resource_id, resource, ScalableTarget(0, 0), now, arn, activities, key.role_arn)

    def put_policy(self, record: PolicyRecord) -> None:
        self.policies[record.name] = record
        self._hand_over()

    def remove_policy(self, name: str) -> PolicyRecord:
        record = self.policies.pop(name)
        self._hand_over()
        return record

    def _hand_over(self) -> None:
        self.target.policies = [record.policy for record in self.policies.values()]

    @property
    def suspended(self) -> dict[str, bool]:
        """SuspendedState."""
        return {
            "DynamicScalingInSuspended": self.target.suspended_in,
            "DynamicScalingOutSuspended": self.target.suspended_out,
            "ScheduledScalingSuspended": self.target.suspended_schedule,
        }

    def response(self) -> dict[str, Any]:
        return {
            **self.key.members,
            "MinCapacity": self.target.minimum,
            "MaxCapacity": self.target.maximum,
            "RoleARN": self.role_arn,
            "CreationTime": datetime.fromtimestamp(self.created, UTC),
            "SuspendedState": self.suspended,
            "ScalableTargetARN": self.arn,
        }


class Records:
    """All scalable targets."""

    def __init__(self) -> None:
        self._targets: dict[Key, TargetRecord] = {}

    def get(self, key: Key) -> TargetRecord | None:
        return self._targets.get(key)

    def add(self, record: TargetRecord) -> None:
        self._targets[record.key] = record

    def remove(self, key: Key) -> TargetRecord:
        return self._targets.pop(key)

    def everywhere(self) -> list[TargetRecord]:
        """By their keys, so that what happens at one time happens in one order."""
        return sorted(self._targets.values(), key=lambda one: (one.key.account, one.key.region, one.key.resource_id))

    def of(
        self,
        account: str,
        region: str,
        namespace: str,
        resource_ids: Iterable[str] | None = None,
        dimension: str | None = None,
    ) -> list[TargetRecord]:
        """Those of one service; all, or some by resource and dimension."""
        wanted = None if resource_ids is None else set(resource_ids)
        return [
            one
            for one in self.everywhere()
            if (one.key.account, one.key.region, one.key.namespace) == (account, region, namespace)
            and (wanted is None or one.key.resource_id in wanted)
            and dimension in (None, one.key.dimension)
        ]

    def by_arn(self, arn: str) -> TargetRecord | None:
        return next((one for one in self._targets.values() if one.arn == arn), None)
