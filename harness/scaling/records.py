"""What is registered: scalable targets with their policies, scheduled actions and activities.

A record's ``rules`` is its part that decides, from harness.scaling.rules.
"""

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
from harness.scaling.rules.schedule_expressions import ScheduleExpression
from harness.scaling.rules.target import ScalableTarget

_ROLES = {
    "sagemaker": ("sagemaker.application-autoscaling.amazonaws.com", "SageMakerEndpoint"),
    "lambda": ("lambda.application-autoscaling.amazonaws.com", "LambdaConcurrency"),
}


@dataclass(frozen=True, slots=True)
class TargetKey:
    """The identity of a scalable target."""

    account: str
    region: str
    namespace: str
    resource_id: str
    dimension: str

    @property
    def members(self) -> dict[str, Any]:
        """The members that name the target in every answer."""
        return {
            "ServiceNamespace": self.namespace,
            "ResourceId": self.resource_id,
            "ScalableDimension": self.dimension,
        }

    @property
    def role_arn(self) -> str:
        """The ARN of the service-linked role."""
        service, suffix = _ROLES[self.namespace]
        path = f"role/aws-service-role/{service}/AWSServiceRoleForApplicationAutoScaling_{suffix}"
        return f"arn:aws:iam::{self.account}:{path}"


@dataclass(slots=True, eq=False)
class PolicyRecord:
    """One scaling policy. metric: what a tracking policy tracks; None for a step policy, whose alarms name theirs."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]
    rules: TrackingPolicy | StepPolicy
    metric: MetricSource | None = None

    def alarms(self, key: TargetKey) -> list[dict[str, str]]:
        prefix = f"arn:aws:cloudwatch:{key.region}:{key.account}:alarm:"
        if isinstance(self.rules, TrackingPolicy):
            # With DisableScaleIn there is no AlarmLow (Application Auto Scaling guide).
            low = [] if self.rules.settings.disable_scale_in else [self.rules.low.name]
            names = [self.rules.high.name, *low]
        else:
            names = [step_alarm.alarm.name for step_alarm in self.rules.alarms]
        return [{"AlarmName": name, "AlarmARN": prefix + name} for name in names]

    def response(self, key: TargetKey) -> dict[str, Any]:
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
    """One scheduled action. due: its next time; None if it has none any more."""

    name: str
    arn: str
    created: float
    request: Mapping[str, Any]
    schedule: ScheduleExpression
    due: float | None

    def advance(self, now: float) -> None:
        """Sets the next time after ``now`` that is within the action's start and end."""
        start, end = self.request.get("StartTime"), self.request.get("EndTime")
        if start is not None:
            now = max(now, start.timestamp() - 1e-3)
        due = self.schedule.after(now)
        self.due = None if due is None or (end is not None and due > end.timestamp()) else due

    def response(self, key: TargetKey) -> dict[str, Any]:
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
    """One scalable target. state: the state of its resource at the last look."""

    key: TargetKey
    resource_id: ResourceId
    resource: ScalableResource
    rules: ScalableTarget
    created: float
    arn: str
    activities: Activities
    role_arn: str
    tags: dict[str, str] = field(default_factory=dict)
    policies: dict[str, PolicyRecord] = field(default_factory=dict)
    actions: dict[str, ActionRecord] = field(default_factory=dict)
    state: ResourceState | None = None

    @classmethod
    def new(cls, key: TargetKey, resource_id: ResourceId, resource: ScalableResource, now: float) -> TargetRecord:
        prefix = f"arn:aws:application-autoscaling:{key.region}:{key.account}:scalable-target"
        activities = Activities(key.namespace, key.dimension)
        arn = f"{prefix}/{uuid.uuid4().hex}"
        return cls(key, resource_id, resource, ScalableTarget(0, 0), now, arn, activities, key.role_arn)

    def put_policy(self, policy: PolicyRecord) -> None:
        self.policies[policy.name] = policy
        self._update_rules()

    def remove_policy(self, name: str) -> PolicyRecord:
        policy = self.policies.pop(name)
        self._update_rules()
        return policy

    def _update_rules(self) -> None:
        self.rules.policies = [policy.rules for policy in self.policies.values()]

    @property
    def suspended(self) -> dict[str, bool]:
        """The member SuspendedState."""
        return {
            "DynamicScalingInSuspended": self.rules.suspended_in,
            "DynamicScalingOutSuspended": self.rules.suspended_out,
            "ScheduledScalingSuspended": self.rules.suspended_schedule,
        }

    def response(self) -> dict[str, Any]:
        return {
            **self.key.members,
            "MinCapacity": self.rules.minimum,
            "MaxCapacity": self.rules.maximum,
            "RoleARN": self.role_arn,
            "CreationTime": datetime.fromtimestamp(self.created, UTC),
            "SuspendedState": self.suspended,
            "ScalableTargetARN": self.arn,
        }


class TargetRecords:
    """The scalable targets of all accounts and regions."""

    def __init__(self) -> None:
        self._targets: dict[TargetKey, TargetRecord] = {}

    def get(self, key: TargetKey) -> TargetRecord | None:
        return self._targets.get(key)

    def add(self, target: TargetRecord) -> None:
        self._targets[target.key] = target

    def remove(self, key: TargetKey) -> TargetRecord:
        return self._targets.pop(key)

    def all(self) -> list[TargetRecord]:
        """Returns every target in the order of the keys, so that things due at the same time happen in one order."""
        return sorted(
            self._targets.values(), key=lambda target: (target.key.account, target.key.region, target.key.resource_id)
        )

    def select(
        self,
        account: str,
        region: str,
        namespace: str,
        resource_ids: Iterable[str] | None = None,
        dimension: str | None = None,
    ) -> list[TargetRecord]:
        """Returns the targets of one service, limited to some resources and one dimension if these are given."""
        ids = None if resource_ids is None else set(resource_ids)
        return [
            target
            for target in self.all()
            if (target.key.account, target.key.region, target.key.namespace) == (account, region, namespace)
            and (ids is None or target.key.resource_id in ids)
            and dimension in (None, target.key.dimension)
        ]

    def by_arn(self, arn: str) -> TargetRecord | None:
        return next((target for target in self._targets.values() if target.arn == arn), None)
