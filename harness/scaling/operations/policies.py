"""Scaling policies and the alarms that they make."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.scaling import errors
from harness.scaling.operations.base import Operations, key_of, page
from harness.scaling.records import PolicyRecord, TargetKey, TargetRecord
from harness.scaling.rules.configurations import step_settings, tracking_settings
from harness.scaling.rules.policies import StepPolicy, TrackingPolicy

_PAGE = 10  # the largest size of a page, and the default (botocore)
_POLICY_TYPES = {"StepScaling", "TargetTrackingScaling", "PredictiveScaling"}


class PolicyOperations(Operations):
    """The operations on scaling policies."""

    async def put_scaling_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._registered_target(call, request)
        name = request["PolicyName"]
        old = target.policies.get(name)
        policy_type = request.get("PolicyType") or (old.request["PolicyType"] if old else "StepScaling")
        if old is not None and policy_type != old.request["PolicyType"]:
            raise errors.invalid(errors.TYPE_CHANGED)
        if old is None and len(target.policies) >= errors.POLICIES_PER_TARGET:
            raise errors.limit(f"A scalable target can have at most {errors.POLICIES_PER_TARGET} scaling policies")
        _check_type(policy_type, request, target.key.namespace)
        # An update keeps the policy's ARN, but not its alarms.
        arn = old.arn if old else _policy_arn(target.key, name)
        created = old.created if old else self.state.clock.now()
        typed_request = {**request, "PolicyType": policy_type}
        if policy_type == "TargetTrackingScaling":
            new = self._tracking_policy(target, name, arn, created, typed_request)
        else:
            step = StepPolicy(name, step_settings(request["StepScalingPolicyConfiguration"]))
            if old is not None and isinstance(old.rules, StepPolicy):
                step.alarms = old.rules.alarms
                for step_alarm in step.alarms:
                    step_alarm.aggregation = step.aggregation
            new = PolicyRecord(name, arn, created, typed_request, step)
        if old is not None:
            self._delete_alarms(target, old)
        target.put_policy(new)
        self._put_alarms(target, new)
        await self.state.alarms.flushed()
        return {"PolicyARN": arn, "Alarms": new.alarms(target.key)}

    def _tracking_policy(
        self, target: TargetRecord, name: str, arn: str, created: float, request: Mapping[str, Any]
    ) -> PolicyRecord:
        configuration = request["TargetTrackingScalingPolicyConfiguration"]
        settings, source = tracking_settings(configuration, target.resource_id, target.key.dimension)
        if any(policy.metric == source for policy in target.policies.values() if policy.name != name):
            raise errors.invalid(errors.SAME_METRIC)
        prefix = f"TargetTracking-{target.key.resource_id}"
        tracking = TrackingPolicy.new(
            name, settings, f"{prefix}-AlarmHigh-{uuid.uuid4()}", f"{prefix}-AlarmLow-{uuid.uuid4()}"
        )
        return PolicyRecord(name, arn, created, request, tracking, source)

    async def describe_scaling_policies(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        policies = self._described_parts(call, request, "PolicyNames", lambda target: target.policies)
        shown, token = page(policies, request, _PAGE)
        return {"ScalingPolicies": shown, "NextToken": token}

    async def delete_scaling_policy(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key, name = key_of(call, request), request["PolicyName"]
        target = self.state.targets.get(key)
        if target is None or name not in target.policies:
            raise errors.no_policy(key.namespace, key.resource_id, key.dimension, name)
        self._delete_alarms(target, target.remove_policy(name))
        await self.state.alarms.flushed()
        return {}

    def _put_alarms(self, target: TargetRecord, record: PolicyRecord) -> None:
        tracking = record.rules
        if not isinstance(tracking, TrackingPolicy) or record.metric is None:
            return
        action = f"{record.arn}:createdBy/{uuid.uuid4()}"
        description = f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {action}."
        names = {alarm["AlarmName"] for alarm in record.alarms(target.key)}
        for alarm in (tracking.high, tracking.low):
            if alarm.name in names:
                self.state.alarms.put(target.key.region, alarm, record.metric, action, description)


def _check_type(policy_type: str, request: Mapping[str, Any], namespace: str) -> None:
    if policy_type == "PredictiveScaling":
        raise errors.invalid(errors.PREDICTIVE)
    if policy_type == "StepScaling" and namespace == "lambda":
        raise errors.invalid(errors.STEPS_UNSUPPORTED.format(namespace))
    if request.get(f"{policy_type}PolicyConfiguration") is None:
        raise errors.invalid(errors.CONFIGURATION_MISSING.format(policy_type))
    if any(request.get(f"{other_type}PolicyConfiguration") is not None for other_type in _POLICY_TYPES - {policy_type}):
        raise errors.invalid(errors.CONFIGURATION_WRONG)


def _policy_arn(key: TargetKey, name: str) -> str:
    prefix = f"arn:aws:autoscaling:{key.region}:{key.account}:scalingPolicy:{uuid.uuid4()}"
    return f"{prefix}:resource/{key.namespace}/{key.resource_id}:policyName/{name}"
