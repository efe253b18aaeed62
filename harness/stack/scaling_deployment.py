"""Deploys [scaling] with ordinary boto3 calls, and removes what an earlier deployment left and it does not name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from harness.scaling.rules.resource_ids import ALIAS_DIMENSION, VARIANT_DIMENSION
from harness.stack.scaling_tables import FunctionScaling, StepTable, VariantScaling, alarm_name
from harness.stack.tables import Stack


@dataclass(frozen=True, slots=True)
class _Scalable:
    """Something in a stack that can be scaled.

    target: the members by which Application Auto Scaling names it. table: what the stack file says of its scaling, None
    if it is not to be scaled. variant: its name if it is a production variant, else "".
    """

    target: dict[str, str]
    table: VariantScaling | FunctionScaling | None
    variant: str = ""

    @property
    def resource_id(self) -> str:
        return self.target["ResourceId"]


def deploy_scaling(client: Any, cloudwatch: Any, stack: Stack, progress: Callable[[str], None]) -> None:
    """Registers the stack's scalable targets with their policies and scheduled actions.

    client: boto3's client of ``application-autoscaling``. Raises the clients' errors.
    """
    for scalable in _scalables(stack):
        target, table = scalable.target, scalable.table
        if table is None:
            if _is_registered(client, target):
                client.deregister_scalable_target(**target)
            continue
        progress(f"auto scaling of {scalable.resource_id}")
        bounds = {"MinCapacity": table.min_capacity, "MaxCapacity": table.max_capacity}
        client.register_scalable_target(**target, **bounds)
        steps = table.step_scaling if isinstance(table, VariantScaling) else {}
        endpoint = stack.endpoint.name
        _remove_policies(client, cloudwatch, target, table, steps, (endpoint, scalable.variant))
        _put_tracking(client, target, table)
        _put_steps(client, cloudwatch, target, steps, (endpoint, scalable.variant))
        _put_schedule(client, target, table)


def _scalables(stack: Stack) -> Iterator[_Scalable]:
    for name in stack.endpoint.production_variants:
        resource = f"endpoint/{stack.endpoint.name}/variant/{name}"
        yield _Scalable(_target("sagemaker", resource, VARIANT_DIMENSION), stack.scaling.variants.get(name), name)
    if stack.function is not None and stack.function.alias is not None:
        resource = f"function:{stack.function.qualified_name}"
        yield _Scalable(_target("lambda", resource, ALIAS_DIMENSION), stack.scaling.function)


def _target(namespace: str, resource: str, dimension: str) -> dict[str, str]:
    return {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}


def _is_registered(client: Any, target: dict[str, str]) -> bool:
    """Whether there is a target to remove. A caller who may not look has registered none."""
    try:
        answer = client.describe_scalable_targets(
            ServiceNamespace=target["ServiceNamespace"],
            ResourceIds=[target["ResourceId"]],
            ScalableDimension=target["ScalableDimension"],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False
        raise
    return bool(answer["ScalableTargets"])


def _remove_policies(
    client: Any,
    cloudwatch: Any,
    target: dict[str, str],
    table: VariantScaling | FunctionScaling,
    steps: dict[str, StepTable],
    variant: tuple[str, str],
) -> None:
    """Removes the policies that the stack does not name. variant: endpoint and variant, for the alarms' names."""
    pages = client.get_paginator("describe_scaling_policies").paginate(**target)
    for policy in [policy for page in pages for policy in page["ScalingPolicies"]]:
        name, is_step = policy["PolicyName"], policy["PolicyType"] == "StepScaling"
        if name in (steps if is_step else table.target_tracking):
            continue
        client.delete_scaling_policy(**target, PolicyName=name)
        if is_step:  # Application Auto Scaling deletes only the alarms of target tracking
            cloudwatch.delete_alarms(AlarmNames=[alarm_name(*variant, name)])


def _put_tracking(client: Any, target: dict[str, str], table: VariantScaling | FunctionScaling) -> None:
    for name, tracking in table.target_tracking.items():
        client.put_scaling_policy(
            **target,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking.configuration(tracking.predefined_metric_type),
        )


def _put_steps(
    client: Any, cloudwatch: Any, target: dict[str, str], steps: dict[str, StepTable], variant: tuple[str, str]
) -> None:
    """Puts the step policies, each with its alarm. variant: endpoint and variant, for the alarms."""
    for name, step in steps.items():
        policy = client.put_scaling_policy(
            **target,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=step.configuration(),
        )
        cloudwatch.put_metric_alarm(
            AlarmName=alarm_name(*variant, name),
            AlarmActions=[policy["PolicyARN"]],
            **step.alarm(*variant),
        )


def _put_schedule(client: Any, target: dict[str, str], table: VariantScaling | FunctionScaling) -> None:
    """Puts the scheduled actions, and removes those that the stack does not name."""
    pages = client.get_paginator("describe_scheduled_actions").paginate(**target)
    for name in [action["ScheduledActionName"] for page in pages for action in page["ScheduledActions"]]:
        if name not in table.scheduled_actions:
            client.delete_scheduled_action(**target, ScheduledActionName=name)
    for name, action in table.scheduled_actions.items():
        bounds = {"MinCapacity": action.min_capacity, "MaxCapacity": action.max_capacity}
        timezone = {} if action.timezone is None else {"Timezone": action.timezone}
        client.put_scheduled_action(
            **target,
            ScheduledActionName=name,
            Schedule=action.schedule,
            ScalableTargetAction={bound: value for bound, value in bounds.items() if value is not None},
            **timezone,
        )
