"""Scaling policies and the alarms that they make."""

from __future__ import annotations

import uuid
from typing import Any

from harness.core.calls import Call
from harness.scaling import errors
from harness.scaling.operations.base import Operations, Request, key_of, page
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy
from harness.scaling.rules.settings import step_settings, tracking_settings
from harness.scaling.state import Key, PolicyRecord, TargetRecord

_PAGE = 10  # the largest, and the default (botocore)
_KINDS = {"StepScaling", "TargetTrackingScaling", "PredictiveScaling"}


class PolicyOperations(Operations):
    """PutScalingPolicy and its kin."""

    async def put_scaling_policy(self, call: Call, request: Request) -> dict[str, Any]:
        record = self._registered(call, request)
        name = request["PolicyName"]
        old = record.policies.get(name)
        kind = request.get("PolicyType") or (old.request["PolicyType"] if old else "StepScaling")
        if old is not None and kind != old.request["PolicyType"]:
            raise errors.invalid(errors.TYPE_CHANGED)
        if old is None and len(record.policies) >= errors.POLICIES_PER_TARGET:
            raise errors.limit(f"A scalable target can have at most {errors.POLICIES_PER_TARGET} scaling policies")
        _check_kind(kind, request, record.key.namespace)
        # A policy's ARN stays when it is updated; its alarms do not.
        arn = old.arn if old else _policy_arn(record.key, name)
        created = old.created if old else self._clock.now()
        kept = {**request, "PolicyType": kind}
        if kind == "TargetTrackingScaling":
            made = self._tracking(record, name, arn, created, kept)
        else:
            step = StepPolicy(name, step_settings(request["StepScalingPolicyConfiguration"]))
            if old is not None and isinstance(old.policy, StepPolicy):
                step.alarms = old.policy.alarms
                for one in step.alarms:
                    one.aggregation = step.aggregation
            made = PolicyRecord(name, arn, created, kept, step)
        if old is not None:
            self._drop_alarms(record, old)
        record.put_policy(made)
        self._put_alarms(record, made)
        await self._alarms.flushed()
        return {"PolicyARN": arn, "Alarms": made.alarms(record.key)}

    def _tracking(self, record: TargetRecord, name: str, arn: str, created: float, request: Request) -> PolicyRecord:
        configuration = request["TargetTrackingScalingPolicyConfiguration"]
        settings, source = tracking_settings(configuration, record.resource_id, record.key.dimension)
        if any(other.metric == source for other in record.policies.values() if other.name != name):
            raise errors.invalid(errors.SAME_METRIC)
        prefix = f"TargetTracking-{record.key.resource_id}"
        policy = TrackingPolicy.new(
            name, settings, f"{prefix}-AlarmHigh-{uuid.uuid4()}", f"{prefix}-AlarmLow-{uuid.uuid4()}"
        )
        return PolicyRecord(name, arn, created, request, policy, source)

    async def describe_scaling_policies(self, call: Call, request: Request) -> dict[str, Any]:
        found = self._described(call, request, "PolicyNames", lambda record: record.policies)
        shown, token = page(found, request, _PAGE)
        return {"ScalingPolicies": shown, "NextToken": token}

    async def delete_scaling_policy(self, call: Call, request: Request) -> dict[str, Any]:
        key, name = key_of(call, request), request["PolicyName"]
        record = self._records.get(key)
        if record is None or name not in record.policies:
            raise errors.no_policy(key.namespace, key.resource_id, key.dimension, name)
        self._drop_alarms(record, record.remove_policy(name))
        await self._alarms.flushed()
        return {}

    def _put_alarms(self, record: TargetRecord, owner: PolicyRecord) -> None:
        policy = owner.policy
        if not isinstance(policy, TrackingPolicy) or owner.metric is None:
            return
        action = f"{owner.arn}:createdBy/{uuid.uuid4()}"
        description = f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action}."
        made = {alarm["AlarmName"] for alarm in owner.alarms(record.key)}
        for alarm in (policy.high, policy.low):
            if alarm.name in made:
                self._alarms.put(record.key.region, alarm, owner.metric, action, description)


def _check_kind(kind: str, request: Request, namespace: str) -> None:
    if kind == "PredictiveScaling":
        raise errors.invalid(errors.PREDICTIVE)
    if kind == "StepScaling" and namespace == "lambda":
        raise errors.invalid(errors.STEPS_UNSUPPORTED.format(namespace))
    if request.get(f"{kind}PolicyConfiguration") is None:
        raise errors.invalid(errors.CONFIGURATION_MISSING.format(kind))
    if any(request.get(f"{other}PolicyConfiguration") is not None for other in _KINDS - {kind}):
        raise errors.invalid(errors.CONFIGURATION_WRONG)


def _policy_arn(key: Key, name: str) -> str:
    where = f"arn:aws:autoscaling:{key.region}:{key.account}:scalingPolicy:{uuid.uuid4()}"
    return f"{where}:resource/{key.namespace}/{key.resource_id}:policyName/{name}"
