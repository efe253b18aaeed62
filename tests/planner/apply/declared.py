"""What the CloudFormation template and the Terraform file declare, read back as the settings that a plan is made of."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

import hcl2

from harness.simulator.settings import (
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)

VARIANTS = "sagemaker"


def cloudformation(text: str) -> dict[str, dict[str, Any]]:
    """Resources by their logical names."""
    from cfnlint import decode  # which takes seconds to import, in every test process if it stood above

    template, problems = decode.decode_str(text)
    assert not problems
    assert template is not None
    return {name: dict(resource) for name, resource in template["Resources"].items()}


def settings_of_template(text: str) -> Settings:
    resources = cloudformation(text)

    def properties(kind: str) -> dict[str, dict[str, Any]]:
        return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == kind}

    (endpoint,) = properties("AWS::SageMaker::Endpoint").values()
    assert endpoint["EndpointConfigName"] == {"Fn::GetAtt": ["EndpointConfig", "EndpointConfigName"]}
    policies = properties("AWS::ApplicationAutoScaling::ScalingPolicy")
    alarms = {
        resource["AlarmActions"][0]["Ref"]: resource for resource in properties("AWS::CloudWatch::Alarm").values()
    }
    targets = properties("AWS::ApplicationAutoScaling::ScalableTarget")

    def scaling(resource_id: str) -> dict[str, Any] | None:
        matching = [(name, resource) for name, resource in targets.items() if resource["ResourceId"] == resource_id]
        if not matching:
            return None
        ((name, target),) = matching
        own = {key: resource for key, resource in policies.items() if resource["ScalingTargetId"] == {"Ref": name}}
        return {
            "bounds": (target["MinCapacity"], target["MaxCapacity"]),
            "tracking": [
                resource["TargetTrackingScalingPolicyConfiguration"]
                for resource in own.values()
                if resource["PolicyType"] == "TargetTrackingScaling"
            ],
            "steps": [
                (resource["StepScalingPolicyConfiguration"], alarms[key])
                for key, resource in own.items()
                if resource["PolicyType"] == "StepScaling"
            ],
            "actions": [
                (resource["Schedule"], resource["ScalableTargetAction"])
                for resource in target.get("ScheduledActions", [])
            ],
        }

    variants = [
        (spec, scaling(f"endpoint/{endpoint['EndpointName']}/variant/{spec['VariantName']}"))
        for spec in resources["EndpointConfig"]["Properties"]["ProductionVariants"]
    ]
    function = None
    if "Function" in resources:
        table = resources["Function"]["Properties"]
        alias = resources.get("FunctionAlias", {}).get("Properties", {})
        function = _function(
            table["MemorySize"],
            table["Timeout"],
            table.get("ReservedConcurrentExecutions"),
            alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions", 0),
            scaling(f"function:{table['FunctionName']}:{alias['Name']}") if alias else None,
        )
    return Settings(variants=tuple(_variant(spec, resource) for spec, resource in variants), function=function)


def terraform(text: str) -> dict[str, dict[str, dict[str, Any]]]:
    """Resources by kind and name, strings without their quotes and blocks without their marks."""
    resources: dict[str, dict[str, dict[str, Any]]] = {}
    for block in _plain(hcl2.load(io.StringIO(text)))["resource"]:
        for kind, named in block.items():
            resources.setdefault(kind, {}).update(named)
    return resources


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(key): _plain(member) for key, member in value.items() if not str(key).startswith("__")}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(member) for member in value]
    return json.loads(value) if isinstance(value, str) and value.startswith('"') else value


def settings_of_terraform(text: str) -> Settings:
    resources = terraform(text)
    endpoint = resources["aws_sagemaker_endpoint"]["plan"]
    assert endpoint["endpoint_config_name"] == "${aws_sagemaker_endpoint_configuration.plan.name}"
    targets = resources.get("aws_appautoscaling_target", {})
    alarms = {
        resource["alarm_actions"][0]: resource for resource in resources.get("aws_cloudwatch_metric_alarm", {}).values()
    }

    def scaling(resource_id: str) -> dict[str, Any] | None:
        matching = [(name, resource) for name, resource in targets.items() if resource["resource_id"] == resource_id]
        if not matching:
            return None
        ((name, target),) = matching
        reference = f"${{aws_appautoscaling_target.{name}.resource_id}}"

        def own(kind: str) -> list[tuple[str, dict[str, Any]]]:
            return [
                (key, resource)
                for key, resource in resources.get(kind, {}).items()
                if resource["resource_id"] == reference
            ]

        policies = own("aws_appautoscaling_policy")
        return {
            "bounds": (target["min_capacity"], target["max_capacity"]),
            "tracking": [
                _tracking_members(resource["target_tracking_scaling_policy_configuration"][0])
                for _, resource in policies
                if resource["policy_type"] == "TargetTrackingScaling"
            ],
            "steps": [
                (
                    _step_members(resource["step_scaling_policy_configuration"][0]),
                    _alarm_members(alarms[f"${{aws_appautoscaling_policy.{key}.arn}}"]),
                )
                for key, resource in policies
                if resource["policy_type"] == "StepScaling"
            ],
            "actions": [
                (
                    resource["schedule"],
                    {
                        "MinCapacity": resource["scalable_target_action"][0]["min_capacity"],
                        "MaxCapacity": resource["scalable_target_action"][0]["max_capacity"],
                    },
                )
                for _, resource in own("aws_appautoscaling_scheduled_action")
            ],
        }

    variants = []
    for spec in resources["aws_sagemaker_endpoint_configuration"]["plan"]["production_variants"]:
        members = {
            "VariantName": spec["variant_name"],
            "InstanceType": spec["instance_type"],
            "InitialInstanceCount": spec["initial_instance_count"],
            "InitialVariantWeight": spec["initial_variant_weight"],
            "RoutingConfig": {"RoutingStrategy": spec["routing_config"][0]["routing_strategy"]},
        }
        variants.append((members, scaling(f"endpoint/{endpoint['name']}/variant/{spec['variant_name']}")))
    function = None
    if "aws_lambda_function" in resources:
        table = resources["aws_lambda_function"]["plan"]
        alias = resources.get("aws_lambda_alias", {}).get("plan")
        held = resources.get("aws_lambda_provisioned_concurrency_config", {}).get("plan", {})
        reserved = table["reserved_concurrent_executions"]
        function = _function(
            table["memory_size"],
            table["timeout"],
            None if reserved == -1 else reserved,
            held.get("provisioned_concurrent_executions", 0),
            scaling(f"function:{table['function_name']}:{alias['name']}") if alias else None,
        )
    return Settings(variants=tuple(_variant(spec, resource) for spec, resource in variants), function=function)


def _tracking_members(block: dict[str, Any]) -> dict[str, Any]:
    metric = block["predefined_metric_specification"][0]["predefined_metric_type"]
    return {
        "TargetValue": block["target_value"],
        "DisableScaleIn": block["disable_scale_in"],
        "ScaleInCooldown": block.get("scale_in_cooldown"),
        "ScaleOutCooldown": block.get("scale_out_cooldown"),
        "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
    }


def _step_members(block: dict[str, Any]) -> dict[str, Any]:
    names = {
        "metric_interval_lower_bound": "MetricIntervalLowerBound",
        "metric_interval_upper_bound": "MetricIntervalUpperBound",
        "scaling_adjustment": "ScalingAdjustment",
    }
    return {
        "AdjustmentType": block["adjustment_type"],
        "Cooldown": block["cooldown"],
        "StepAdjustments": [
            {member: _number(step[name]) for name, member in names.items() if name in step}
            for step in block["step_adjustment"]
        ],
    }


def _alarm_members(block: dict[str, Any]) -> dict[str, Any]:
    names = {
        "namespace": "Namespace",
        "metric_name": "MetricName",
        "statistic": "Statistic",
        "period": "Period",
        "evaluation_periods": "EvaluationPeriods",
        "threshold": "Threshold",
        "comparison_operator": "ComparisonOperator",
    }
    dimensions = [{"Name": name, "Value": value} for name, value in block["dimensions"].items()]
    return {**{member: block[name] for name, member in names.items()}, "Dimensions": dimensions}


def _number(value: Any) -> Any:
    """A negative number, which the parser takes for an expression."""
    return float(value.strip("${}")) if isinstance(value, str) else value


def _variant(spec: Mapping[str, Any], scaling: dict[str, Any] | None) -> VariantSettings:
    bounds = {} if scaling is None else dict(zip(("min_capacity", "max_capacity"), scaling["bounds"], strict=True))
    return VariantSettings(
        name=spec["VariantName"],
        instance_type=spec["InstanceType"],
        initial_instance_count=spec["InitialInstanceCount"],
        initial_variant_weight=spec["InitialVariantWeight"],
        routing_strategy=spec["RoutingConfig"]["RoutingStrategy"],
        tracking=tuple(_tracking(table) for table in (scaling or {}).get("tracking", [])),
        steps=tuple(_steps(*table) for table in (scaling or {}).get("steps", [])),
        schedule=tuple(_action(*table) for table in (scaling or {}).get("actions", [])),
        **bounds,
    )


def _tracking(configuration: Mapping[str, Any]) -> TrackingSettings:
    return TrackingSettings(
        metric=configuration["PredefinedMetricSpecification"]["PredefinedMetricType"],
        target_value=configuration["TargetValue"],
        scale_out_cooldown=configuration["ScaleOutCooldown"],
        scale_in_cooldown=configuration["ScaleInCooldown"],
        disable_scale_in=configuration["DisableScaleIn"],
    )


def _steps(configuration: Mapping[str, Any], alarm: Mapping[str, Any]) -> StepSettings:
    assert configuration["AdjustmentType"] == "ChangeInCapacity"
    assert (alarm["Namespace"], alarm["MetricName"]) == ("AWS/SageMaker", "InvocationsPerInstance")
    assert (alarm["Statistic"], alarm["Period"]) == ("Sum", 60)
    above = alarm["ComparisonOperator"] == "GreaterThanThreshold"
    near = "MetricIntervalLowerBound" if above else "MetricIntervalUpperBound"
    return StepSettings(
        threshold=alarm["Threshold"],
        above=above,
        periods=alarm["EvaluationPeriods"],
        steps=tuple(
            Step(bound=abs(step[near]), adjustment=int(step["ScalingAdjustment"]))
            for step in configuration["StepAdjustments"]
        ),
        cooldown=configuration["Cooldown"],
    )


def _action(schedule: str, bounds: Mapping[str, Any]) -> ScheduledCapacity:
    minute, hour = schedule.removeprefix("cron(").split()[:2]
    return ScheduledCapacity(
        second_of_day=int(hour) * 3600 + int(minute) * 60,
        min_capacity=bounds["MinCapacity"],
        max_capacity=bounds["MaxCapacity"],
    )


def _function(
    memory_size: int, timeout: int, reserved: int | None, provisioned: int, scaling: dict[str, Any] | None
) -> FunctionSettings:
    scaled = None
    if scaling is not None:
        (tracking,) = scaling["tracking"]
        low, high = scaling["bounds"]
        scaled = ProvisionedScaling(min_capacity=low, max_capacity=high, target_value=tracking["TargetValue"])
    return FunctionSettings(
        memory_size=memory_size,
        timeout=timeout,
        reserved_concurrent_executions=reserved,
        provisioned_concurrent_executions=provisioned,
        provisioned_scaling=scaled,
    )
