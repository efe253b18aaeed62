"""What is deployed, read back by describe calls as the settings that a plan is made of."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

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

Client = Callable[[str], Any]


def deployed_settings(client: Client, endpoint: str, function: str | None, alias: str | None) -> Settings:
    """Raises where two calls do not agree."""
    sagemaker = client("sagemaker")
    description = sagemaker.describe_endpoint(EndpointName=endpoint)
    assert description["EndpointStatus"] == "InService"
    config = sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
    weights = {variant["VariantName"]: variant["CurrentWeight"] for variant in description["ProductionVariants"]}
    variants = []
    for spec in config["ProductionVariants"]:
        assert weights[spec["VariantName"]] == spec["InitialVariantWeight"]
        variants.append(
            VariantSettings(
                name=spec["VariantName"],
                instance_type=spec["InstanceType"],
                initial_instance_count=spec["InitialInstanceCount"],
                initial_variant_weight=spec["InitialVariantWeight"],
                routing_strategy=spec["RoutingConfig"]["RoutingStrategy"],
                **_scaling(client, f"endpoint/{endpoint}/variant/{spec['VariantName']}"),
            )
        )
    return Settings(variants=tuple(variants), function=_function(client, function, alias) if function else None)


def _scaling(client: Client, resource: str) -> dict[str, Any]:
    scaling = client("application-autoscaling")
    where = {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    targets = scaling.describe_scalable_targets(ResourceIds=[resource], **where)["ScalableTargets"]
    policies = scaling.describe_scaling_policies(ResourceId=resource, **where)["ScalingPolicies"]
    actions = scaling.describe_scheduled_actions(ResourceId=resource, **where)["ScheduledActions"]
    if not targets:
        assert not policies
        assert not actions
        return {}
    (target,) = targets
    tracking = [item for item in policies if item["PolicyType"] == "TargetTrackingScaling"]
    steps = [item for item in policies if item["PolicyType"] == "StepScaling"]
    return {
        "min_capacity": target["MinCapacity"],
        "max_capacity": target["MaxCapacity"],
        "tracking": tuple(
            sorted((_tracking(item) for item in tracking), key=lambda item: item.target_value, reverse=True)
        ),
        "steps": tuple(sorted((_steps(client, item) for item in steps), key=lambda item: not item.above)),
        "schedule": tuple(sorted((_action(item) for item in actions), key=lambda item: item.second_of_day)),
    }


def _tracking(policy: dict[str, Any]) -> TrackingSettings:
    configuration = policy["TargetTrackingScalingPolicyConfiguration"]
    return TrackingSettings(
        metric=configuration["PredefinedMetricSpecification"]["PredefinedMetricType"],
        target_value=configuration["TargetValue"],
        scale_out_cooldown=configuration["ScaleOutCooldown"],
        scale_in_cooldown=configuration["ScaleInCooldown"],
        disable_scale_in=configuration["DisableScaleIn"],
    )


def _steps(client: Client, policy: dict[str, Any]) -> StepSettings:
    alarms = client("cloudwatch").describe_alarms()["MetricAlarms"]
    (alarm,) = [described for described in alarms if described["AlarmActions"] == [policy["PolicyARN"]]]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("InvocationsPerInstance", "Sum", 60)
    above = alarm["ComparisonOperator"] == "GreaterThanThreshold"
    near = "MetricIntervalLowerBound" if above else "MetricIntervalUpperBound"
    configuration = policy["StepScalingPolicyConfiguration"]
    return StepSettings(
        threshold=alarm["Threshold"],
        above=above,
        periods=alarm["EvaluationPeriods"],
        steps=tuple(
            Step(bound=abs(step[near]), adjustment=step["ScalingAdjustment"])
            for step in configuration["StepAdjustments"]
        ),
        cooldown=configuration["Cooldown"],
    )


def _action(action: dict[str, Any]) -> ScheduledCapacity:
    match = re.fullmatch(r"cron\((\d+) (\d+) \* \* \? \*\)", action["Schedule"])
    assert match, action["Schedule"]
    assert action.get("Timezone", "UTC") == "UTC"
    bounds = action["ScalableTargetAction"]
    return ScheduledCapacity(
        second_of_day=int(match[2]) * 3600 + int(match[1]) * 60,
        min_capacity=bounds["MinCapacity"],
        max_capacity=bounds["MaxCapacity"],
    )


def _function(client: Client, name: str, alias: str | None) -> FunctionSettings:
    functions = client("lambda")
    called = {"FunctionName": name, **({"Qualifier": alias} if alias else {})}
    configuration = functions.get_function_configuration(**called)
    reserved = functions.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    provisioned = 0
    if alias:
        try:
            config = functions.get_provisioned_concurrency_config(**called)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"
        else:
            assert config["Status"] == "READY"
            provisioned = config["RequestedProvisionedConcurrentExecutions"]
    return FunctionSettings(
        memory_size=configuration["MemorySize"],
        timeout=configuration["Timeout"],
        reserved_concurrent_executions=reserved,
        provisioned_concurrent_executions=provisioned,
        provisioned_scaling=_provisioned(client, f"function:{name}:{alias}") if alias else None,
    )


def _provisioned(client: Client, resource: str) -> ProvisionedScaling | None:
    scaling = client("application-autoscaling")
    where = {"ServiceNamespace": "lambda", "ScalableDimension": "lambda:function:ProvisionedConcurrency"}
    targets = scaling.describe_scalable_targets(ResourceIds=[resource], **where)["ScalableTargets"]
    if not targets:
        return None
    (policy,) = scaling.describe_scaling_policies(ResourceId=resource, **where)["ScalingPolicies"]
    return ProvisionedScaling(
        min_capacity=targets[0]["MinCapacity"],
        max_capacity=targets[0]["MaxCapacity"],
        target_value=policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"],
    )
