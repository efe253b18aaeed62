"""The state that AWS is in once a plan is applied, as members of boto3's requests; all files are written from it.

Member names are those of botocore's service models (SageMaker ProductionVariant, Application Auto Scaling
RegisterScalableTarget, PutScalingPolicy and PutScheduledAction, CloudWatch PutMetricAlarm, Lambda).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.planner.apply.tables import alias_of, function_scaling, recommended, variant_scaling, whole
from harness.planner.plan import Plan
from harness.scaling.rules.resource_ids import ALIAS_DIMENSION, VARIANT_DIMENSION
from harness.simulator.settings import VariantSettings
from harness.stack.scaling_tables import FunctionScaling, VariantScaling, alarm_name


@dataclass(frozen=True, slots=True)
class DesiredTarget:
    """A scalable target with its policies, alarms and scheduled actions; no target at all if ``bounds`` is None.

    policies: by name, PutScalingPolicy's PolicyType and configuration. alarms: by the name of their policy,
    PutMetricAlarm's members without AlarmActions, which is the policy's ARN. actions: by name, PutScheduledAction's
    members. alarm_prefix: what the names of step policies' alarms begin with; None for a resource without step
    policies.
    """

    namespace: str
    resource_id: str
    dimension: str
    bounds: tuple[int, int] | None
    policies: dict[str, dict[str, Any]]
    alarms: dict[str, dict[str, Any]]
    actions: dict[str, dict[str, Any]]
    alarm_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class DesiredFunction:
    """The function. alias: None if nothing is provisioned and callers name none. timeout: seconds; memory_size: MB."""

    name: str
    alias: str | None
    memory_size: int
    timeout: int
    reserved: int | None
    provisioned: int


@dataclass(frozen=True, slots=True)
class DesiredState:
    """variants: by name, the members of ProductionVariant that the plan sets. models: by variant, if the plan has
    them."""

    region: str
    endpoint: str
    variants: dict[str, dict[str, Any]]
    models: dict[str, str]
    function: DesiredFunction | None
    targets: tuple[DesiredTarget, ...]


def desired_state(plan: Plan) -> DesiredState:
    """The state that a plan asks for. Raises HarnessError if it recommends nothing."""
    settings = recommended(plan)
    function = None
    targets = [_variant_target(plan.endpoint, variant) for variant in settings.variants]
    if settings.function is not None and plan.function is not None:
        alias, table = alias_of(plan), settings.function
        function = DesiredFunction(
            name=plan.function,
            alias=alias,
            memory_size=table.memory_size,
            timeout=whole(table.timeout),
            reserved=table.reserved_concurrent_executions,
            provisioned=table.provisioned_concurrent_executions,
        )
        if alias is not None:
            resource = f"function:{plan.function}:{alias}"
            targets.append(_target("lambda", resource, ALIAS_DIMENSION, function_scaling(table)))
    return DesiredState(
        region=plan.region,
        endpoint=plan.endpoint,
        variants={variant.name: _members(variant) for variant in settings.variants},
        models={
            variant.name: plan.models[variant.name] for variant in settings.variants if variant.name in plan.models
        },
        function=function,
        targets=tuple(targets),
    )


def _members(variant: VariantSettings) -> dict[str, Any]:
    return {
        "InstanceType": variant.instance_type,
        "InitialInstanceCount": variant.initial_instance_count,
        "InitialVariantWeight": variant.initial_variant_weight,
        "RoutingConfig": {"RoutingStrategy": variant.routing_strategy},
    }


def _variant_target(endpoint: str, variant: VariantSettings) -> DesiredTarget:
    table = variant_scaling(variant)
    steps = table.step_scaling if table else {}
    alarms = {
        name: {"AlarmName": alarm_name(endpoint, variant.name, name), **step.alarm(endpoint, variant.name)}
        for name, step in steps.items()
    }
    resource, prefix = f"endpoint/{endpoint}/variant/{variant.name}", alarm_name(endpoint, variant.name, "")
    return _target("sagemaker", resource, VARIANT_DIMENSION, table, alarms, prefix)


def _target(
    namespace: str,
    resource_id: str,
    dimension: str,
    table: VariantScaling | FunctionScaling | None,
    alarms: dict[str, dict[str, Any]] | None = None,
    alarm_prefix: str | None = None,
) -> DesiredTarget:
    policies: dict[str, dict[str, Any]] = {}
    actions: dict[str, dict[str, Any]] = {}
    if table is not None:
        for name, tracking in table.target_tracking.items():
            configuration = tracking.configuration(tracking.predefined_metric_type)
            policies[name] = {
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": configuration,
            }
        for name, step in (table.step_scaling if isinstance(table, VariantScaling) else {}).items():
            policies[name] = {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": step.configuration()}
        for name, action in table.scheduled_actions.items():
            bounds = {"MinCapacity": action.min_capacity, "MaxCapacity": action.max_capacity}
            actions[name] = {"Schedule": action.schedule, "ScalableTargetAction": bounds}
    return DesiredTarget(
        namespace=namespace,
        resource_id=resource_id,
        dimension=dimension,
        bounds=None if table is None else (table.min_capacity, table.max_capacity),
        policies=policies,
        alarms=alarms or {},
        actions=actions,
        alarm_prefix=alarm_prefix,
    )
