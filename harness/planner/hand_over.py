"""Hands a plan to a running harness, whose Inference Recommender then answers with it."""

from __future__ import annotations

import math

from harness.hosting.rules.planned import PlannedEndpoint, PlannedOption, PlannedPolicy
from harness.local_aws.client import LocalAwsClient
from harness.planner.plan import EvaluatedSettings, Interval, Plan, SimulatedFigures
from harness.planner.search.find import OWN


def hand_over(url: str, plan: Plan) -> None:
    """Hands a plan to the harness at ``url``. Raises HarnessError if no harness answers there, or if it refuses."""
    LocalAwsClient(url).put_plan(plan.endpoint, planned_endpoint(plan).model_dump(mode="json"))


def planned_endpoint(plan: Plan) -> PlannedEndpoint:
    """The recommended settings and the runner-up, as far as they meet the objective."""
    best = [settings for settings in (plan.recommended, plan.runner_up) if settings is not None]
    return PlannedEndpoint(
        region=plan.region,
        endpoint=plan.endpoint,
        variant=plan.variant,
        model=plan.models.get(plan.variant, plan.endpoint),
        most=math.ceil(plan.traffic.peak_rate * 60),
        options=tuple(_option(plan, settings) for settings in best if settings.figures.meets),
        limit=plan.first_limit,
    )


def _option(plan: Plan, evaluated: EvaluatedSettings) -> PlannedOption:
    variant = next(variant for variant in evaluated.settings.variants if variant.name == plan.variant)
    figures = evaluated.figures
    policies = tuple(
        PlannedPolicy(metric=policy.metric, target_value=policy.target_value) for policy in variant.tracking
    )
    first = variant.tracking[0] if variant.tracking else None
    return PlannedOption(
        instance_type=variant.instance_type,
        initial_instance_count=variant.initial_instance_count,
        cost_per_hour=figures.cost.instances / figures.mean_instances if figures.mean_instances else 0.0,
        cost_per_inference=figures.cost.instances / (plan.traffic.mean_rate * 3600),
        max_invocations=_most(plan, variant.instance_type),
        latency=_latency(figures),
        min_capacity=variant.min_capacity,
        max_capacity=variant.max_capacity,
        scale_in_cooldown=math.ceil(first.scale_in_cooldown) if first else None,
        scale_out_cooldown=math.ceil(first.scale_out_cooldown) if first else None,
        policies=policies,
    )


def _most(plan: Plan, instance_type: str) -> int | None:
    """Requests a minute that one instance answers at its measured saturation; None if that is not known for its
    type."""
    own_types = {
        variant.instance_type
        for evaluated in plan.compared
        if evaluated.label == OWN
        for variant in evaluated.settings.variants
    }
    ratio = plan.evidence.ratios.get(instance_type, 1.0 if instance_type in own_types else None)
    saturation = plan.evidence.saturation_rate
    return None if ratio is None or saturation is None else math.floor(saturation * ratio * 60)


def _latency(figures: SimulatedFigures) -> dict[str, int]:
    def milliseconds(seconds: Interval) -> int:
        return math.ceil((seconds.value or 0.0) * 1000)

    return {"P50": milliseconds(figures.p50), "P95": milliseconds(figures.p95), "P99": milliseconds(figures.p99)}
