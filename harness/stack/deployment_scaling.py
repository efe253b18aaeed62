"""[scaling] as ordinary boto3 calls; what an earlier deployment left and the stack no longer says is removed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from harness.scaling.rules.resource_ids import ALIAS_DIMENSION, VARIANT_DIMENSION, Variant, parse_resource
from harness.stack.file import Stack
from harness.stack.scaling import FunctionScaling, VariantScaling, alarm_name


def deploy_scaling(client: Any, cloudwatch: Any, stack: Stack, progress: Callable[[str], None]) -> None:
    """Registers the stack's scalable targets. client: boto3's of ``application-autoscaling``; raises its errors."""
    wanted = dict(_targets(stack))
    for resource, namespace, dimension in _resources(stack):
        target = {"ServiceNamespace": namespace, "ResourceId": resource, "ScalableDimension": dimension}
        table = wanted.get(resource)
        if table is None:
            if _registered(client, target):
                client.deregister_scalable_target(**target)
            continue
        progress(f"auto scaling of {resource}")
        bounds = {"MinCapacity": table.min_capacity, "MaxCapacity": table.max_capacity}
        client.register_scalable_target(**target, **bounds)
        _policies(client, cloudwatch, target, table)
        _schedule(client, target, table)


def _registered(client: Any, target: dict[str, str]) -> bool:
    """Whether there is a target to remove; somebody who may not look has made none."""
    try:
        found = client.describe_scalable_targets(
            ServiceNamespace=target["ServiceNamespace"],
            ResourceIds=[target["ResourceId"]],
            ScalableDimension=target["ScalableDimension"],
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False
        raise
    return bool(found["ScalableTargets"])


def _resources(stack: Stack) -> Iterator[tuple[str, str, str]]:
    """Everything in the stack that could be scaled: resource id, namespace and dimension."""
    for name in stack.endpoint.production_variants:
        yield f"endpoint/{stack.endpoint.name}/variant/{name}", "sagemaker", VARIANT_DIMENSION
    if stack.function is not None and stack.function.alias is not None:
        yield f"function:{stack.function.called}", "lambda", ALIAS_DIMENSION


def _targets(stack: Stack) -> Iterator[tuple[str, VariantScaling | FunctionScaling]]:
    for name, variant in stack.scaling.variants.items():
        yield f"endpoint/{stack.endpoint.name}/variant/{name}", variant
    if stack.scaling.function is not None and stack.function is not None:
        yield f"function:{stack.function.called}", stack.scaling.function


def _policies(client: Any, cloudwatch: Any, target: dict[str, str], table: VariantScaling | FunctionScaling) -> None:
    steps = table.step_scaling if isinstance(table, VariantScaling) else {}
    resource = parse_resource(*target.values())
    variant = (resource.endpoint, resource.variant) if isinstance(resource, Variant) else ("", "")
    pages = client.get_paginator("describe_scaling_policies").paginate(**target)
    for policy in [one for page in pages for one in page["ScalingPolicies"]]:
        name = policy["PolicyName"]
        wanted = steps if policy["PolicyType"] == "StepScaling" else table.target_tracking
        if name not in wanted:
            client.delete_scaling_policy(**target, PolicyName=name)
            if policy["PolicyType"] == "StepScaling":  # its alarm is not Application Auto Scaling's to delete
                cloudwatch.delete_alarms(AlarmNames=[alarm_name(*variant, name)])
    for name, tracking in table.target_tracking.items():
        client.put_scaling_policy(
            **target,
            PolicyName=name,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration=tracking.configuration(tracking.predefined_metric_type),
        )
    for name, step in steps.items():
        put = client.put_scaling_policy(
            **target,
            PolicyName=name,
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration=step.configuration(),
        )
        cloudwatch.put_metric_alarm(
            AlarmName=alarm_name(*variant, name),
            AlarmActions=[put["PolicyARN"]],
            **step.alarm(*variant),
        )


def _schedule(client: Any, target: dict[str, str], table: VariantScaling | FunctionScaling) -> None:
    pages = client.get_paginator("describe_scheduled_actions").paginate(**target)
    for action in [one["ScheduledActionName"] for page in pages for one in page["ScheduledActions"]]:
        if action not in table.scheduled_actions:
            client.delete_scheduled_action(**target, ScheduledActionName=action)
    for name, action in table.scheduled_actions.items():
        bounds = {"MinCapacity": action.min_capacity, "MaxCapacity": action.max_capacity}
        members: dict[str, Any] = {"Schedule": action.schedule}
        if action.timezone is not None:
            members["Timezone"] = action.timezone
        client.put_scheduled_action(
            **target,
            ScheduledActionName=name,
            ScalableTargetAction={name: value for name, value in bounds.items() if value is not None},
            **members,
        )
