"""The stack file's [scaling]: scalable targets with their policies and schedules, by AWS's own parameter names."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from harness.scaling.rules.schedule import parse_schedule

Capacity = Annotated[int, Field(ge=0)]
Seconds = Annotated[int, Field(ge=0)]
PolicyName = Annotated[str, Field(min_length=1, max_length=256)]
VariantMetric = Literal[
    "SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution"
]
Place = tuple[str | int, ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TrackingTable(_Table):
    """A target tracking policy. target_value: in the metric's unit; cooldowns: seconds, AWS's defaults if left out."""

    target_value: float = Field(gt=0, lt=math.inf)
    scale_in_cooldown: Seconds | None = None
    scale_out_cooldown: Seconds | None = None
    disable_scale_in: bool = False

    def configuration(self, metric: str) -> dict[str, Any]:
        """TargetTrackingScalingPolicyConfiguration."""
        cooldowns = {"ScaleInCooldown": self.scale_in_cooldown, "ScaleOutCooldown": self.scale_out_cooldown}
        return {
            "TargetValue": self.target_value,
            "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
            "DisableScaleIn": self.disable_scale_in,
            **{name: seconds for name, seconds in cooldowns.items() if seconds is not None},
        }


class VariantTracking(TrackingTable):
    """Invocations **a minute** per instance, or concurrent requests per model."""

    predefined_metric_type: VariantMetric = "SageMakerVariantInvocationsPerInstance"


class FunctionTracking(TrackingTable):
    """The part of the provisioned concurrency that runs, 0 to 1."""

    target_value: float = Field(gt=0, le=1)
    predefined_metric_type: Literal["LambdaProvisionedConcurrencyUtilization"] = (
        "LambdaProvisionedConcurrencyUtilization"
    )


class StepEntry(_Table):
    """From how far past the threshold on (either way) which change of capacity, in instances."""

    bound: float = Field(0.0, ge=0, lt=math.inf)
    adjustment: int


class StepTable(_Table):
    """A ChangeInCapacity step policy with the alarm that calls it, on invocations **a minute** per instance.

    above: whether it acts above the threshold, or below; evaluation_periods: minutes in a row; cooldown: seconds.
    """

    threshold: float = Field(gt=0, lt=math.inf)
    above: bool
    evaluation_periods: int = Field(3, ge=1, le=60)
    steps: list[StepEntry] = Field(min_length=1)
    cooldown: Seconds | None = None

    def configuration(self) -> dict[str, Any]:
        """StepScalingPolicyConfiguration: each interval from a bound to the next, away from 0."""
        entries = sorted(self.steps, key=lambda entry: entry.bound)
        ends = [entry.bound for entry in entries[1:]]
        adjustments = []
        for entry, end in itertools.zip_longest(entries, ends):
            near, far = ("Lower", "Upper") if self.above else ("Upper", "Lower")
            sign = 1 if self.above else -1
            interval = {f"MetricInterval{near}Bound": sign * entry.bound + 0.0}  # no -0.0
            if end is not None:
                interval[f"MetricInterval{far}Bound"] = sign * end
            adjustments.append({**interval, "ScalingAdjustment": entry.adjustment})
        cooldown = {} if self.cooldown is None else {"Cooldown": self.cooldown}
        return {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": adjustments,
            "MetricAggregationType": "Average",
            **cooldown,
        }

    def alarm(self, endpoint: str, variant: str) -> dict[str, Any]:
        """PutMetricAlarm's members, but for the name and the action."""
        return {
            "Namespace": "AWS/SageMaker",
            "MetricName": "InvocationsPerInstance",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}],
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": self.evaluation_periods,
            "Threshold": self.threshold,
            "ComparisonOperator": "GreaterThanThreshold" if self.above else "LessThanThreshold",
        }


def alarm_name(endpoint: str, variant: str, policy: str) -> str:
    """The name of the alarm that a step policy of a deployment has."""
    return f"{endpoint}-{variant}-{policy}"


class ScheduleTable(_Table):
    """A scheduled action. schedule: ``cron(...)``, ``rate(...)`` or ``at(...)``."""

    schedule: str
    timezone: str | None = None
    min_capacity: Capacity | None = None
    max_capacity: Capacity | None = None


class _Target(_Table):
    min_capacity: Capacity
    max_capacity: Capacity
    scheduled_actions: dict[PolicyName, ScheduleTable] = {}


class VariantScaling(_Target):
    """A production variant as a scalable target."""

    min_capacity: Annotated[int, Field(ge=1)] = 1
    target_tracking: dict[PolicyName, VariantTracking] = {}
    step_scaling: dict[PolicyName, StepTable] = {}


class FunctionScaling(_Target):
    """The provisioned concurrency of the function's alias as a scalable target."""

    target_tracking: dict[PolicyName, FunctionTracking] = {}


class ScalingTable(_Table):
    """Auto scaling, by production variant, and of the function."""

    variants: dict[str, VariantScaling] = {}
    function: FunctionScaling | None = None

    def targets(self) -> Iterator[tuple[Place, VariantScaling | FunctionScaling]]:
        """Each with its place in the file."""
        for name, variant in self.variants.items():
            yield ("scaling", "variants", name), variant
        if self.function is not None:
            yield ("scaling", "function"), self.function


def broken_scaling(table: ScalingTable, variants: list[str], alias: str | None) -> Iterator[tuple[Place, str]]:
    """What AWS would refuse, by its place. variants: the endpoint's; alias: the function's."""
    for name in table.variants:
        if name not in variants:
            yield ("scaling", "variants", name), f"no variant {name!r}; there are: {', '.join(variants)}"
    if table.function is not None and alias is None:
        yield ("scaling", "function"), 'needs a function with an alias, such as alias = "live"'
    for place, target in table.targets():
        if target.max_capacity < target.min_capacity:
            yield (*place, "max_capacity"), f"{target.max_capacity} is less than min_capacity, {target.min_capacity}"
        if isinstance(target, VariantScaling):
            yield from _broken_steps((*place, "step_scaling"), target)
        metrics = [policy.predefined_metric_type for policy in target.target_tracking.values()]
        if len(set(metrics)) < len(metrics):
            yield (*place, "target_tracking"), "only one policy may track a metric"
        for name, action in target.scheduled_actions.items():
            where = (*place, "scheduled_actions", name)
            if action.min_capacity is None and action.max_capacity is None:
                yield where, "needs min_capacity, max_capacity or both"
            try:
                parse_schedule(action.schedule, action.timezone, 0.0)
            except ValueError as error:
                yield (*where, "schedule"), str(error)


def _broken_steps(place: Place, target: VariantScaling) -> Iterator[tuple[Place, str]]:
    for name, policy in target.step_scaling.items():
        if name in target.target_tracking:
            yield (*place, name), "a policy of target_tracking has this name already"
        bounds = [entry.bound for entry in policy.steps]
        if min(bounds) > 0 or len(set(bounds)) < len(bounds):
            yield (*place, name, "steps"), "each needs a bound of its own, the first of them 0"
