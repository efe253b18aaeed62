"""Which options of an endpoint's plan answer an Inference Recommender job, and how they are told."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from harness.hosting import errors

if TYPE_CHECKING:
    from harness.hosting.rules.planned import PlannedEndpoint, PlannedOption

# Per cent (botocore, TargetCpuUtilizationPerCore). It is only echoed: plans go by latency and errors instead.
_DEFAULT_CPU = 50
_TOLD_PERCENTILE = "P99"


def choose_options(plan: PlannedEndpoint | None, request: Mapping[str, Any]) -> tuple[list[PlannedOption], str | None]:
    """The plan's options that are within the limits of a job's request, or why there are none."""
    if plan is None:
        return [], errors.PLAN_MISSING
    if not plan.options:
        return [], errors.PLAN_EMPTY.format(plan.limit or "see the plan")
    stop = request.get("StoppingConditions", {})
    if (most := stop.get("MaxInvocations", 0)) > plan.most:
        return [], errors.PLAN_EXCEEDED.format(plan.most, most)
    configurations = request["InputConfig"].get("EndpointConfigurations", ())
    types = {configuration["InstanceType"] for configuration in configurations if "InstanceType" in configuration}
    limits = {
        threshold["Percentile"].upper(): threshold["ValueInMilliseconds"]
        for threshold in stop.get("ModelLatencyThresholds", ())
    }
    if unknown := sorted(set(limits) - set(plan.options[0].latency)):
        return [], errors.PERCENTILE_UNKNOWN.format(", ".join(plan.options[0].latency), unknown[0])
    options = [
        option
        for option in plan.options
        if (not types or option.instance_type in types)
        and all(option.latency[percentile] <= limit for percentile, limit in limits.items())
    ]
    return (options, None) if options else ([], errors.OPTIONS_EXCLUDED)


def recommendation_id(job: str, option: PlannedOption) -> str:
    """The id of a job's recommendation: the same option has the same id."""
    return f"{job}/{hashlib.sha256(option.model_dump_json().encode()).hexdigest()[:8]}"


def recommendation(identifier: str, plan: PlannedEndpoint, option: PlannedOption) -> dict[str, Any]:
    """One of a job's InferenceRecommendations."""
    metrics: dict[str, Any] = {
        "CostPerHour": option.cost_per_hour,
        "CostPerInference": option.cost_per_inference,
        "ModelLatency": option.latency[_TOLD_PERCENTILE],
    }
    if option.max_invocations is not None:
        metrics["MaxInvocations"] = option.max_invocations
    return {
        "RecommendationId": identifier,
        "Metrics": metrics,
        "EndpointConfiguration": {
            "EndpointName": plan.endpoint,
            "VariantName": plan.variant,
            "InstanceType": option.instance_type,
            "InitialInstanceCount": option.initial_instance_count,
        },
        "ModelConfiguration": {},
    }


def scaling_recommendation(plan: PlannedEndpoint, option: PlannedOption, request: Mapping[str, Any]) -> dict[str, Any]:
    """The members of GetScalingConfigurationRecommendation's answer that come from the plan.

    Raises AwsError ValidationException for more traffic than was planned for.
    """
    objective = request.get("ScalingPolicyObjective", {})
    most = objective.get("MaxInvocationsPerMinute", plan.most)
    if most > plan.most:
        raise errors.invalid(errors.PLAN_EXCEEDED.format(plan.most, most))
    scaling: dict[str, Any] = {"MinCapacity": option.min_capacity, "MaxCapacity": option.max_capacity}
    if option.scale_in_cooldown is not None:
        scaling["ScaleInCooldown"] = option.scale_in_cooldown
    if option.scale_out_cooldown is not None:
        scaling["ScaleOutCooldown"] = option.scale_out_cooldown
    scaling["ScalingPolicies"] = [
        {
            "TargetTracking": {
                "MetricSpecification": {"Predefined": {"PredefinedMetricType": policy.metric}},
                "TargetValue": policy.target_value,
            }
        }
        for policy in option.policies
    ]
    metric: dict[str, Any] = {"ModelLatency": option.latency[_TOLD_PERCENTILE]}
    if option.max_invocations is not None:
        metric["InvocationsPerInstance"] = option.max_invocations
    return {
        "EndpointName": plan.endpoint,
        "TargetCpuUtilizationPerCore": request.get("TargetCpuUtilizationPerCore", _DEFAULT_CPU),
        "ScalingPolicyObjective": {"MinInvocationsPerMinute": 0, "MaxInvocationsPerMinute": most, **objective},
        "Metric": metric,
        "DynamicScalingConfiguration": scaling,
    }
