"""The tables of a stack file under [scaling]: scalable targets with their policies and scheduled actions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from harness.scaling.rules.metric_sources import UTILIZATION_METRIC, UtilizationMetric, VariantMetric
from harness.stack.toml_lines import KeyPath

Capacity = Annotated[int, Field(ge=0)]
Seconds = Annotated[int, Field(ge=0)]
PolicyName = Annotated[str, Field(min_length=1, max_length=256)]


class _Table(BaseModel):
    """Strict, as the other tables of a stack file are."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TrackingTable(_Table):
    """A target tracking policy. target_value: in the metric's unit; cooldowns: seconds, None for AWS's defaults."""

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
    """Tracks invocations **a minute** per instance, or concurrent requests per model."""

    predefined_metric_type: VariantMetric = "SageMakerVariantInvocationsPerInstance"


class FunctionTracking(TrackingTable):
    """Tracks which part of the provisioned concurrency is in use, from 0 to 1."""

    target_value: float = Field(gt=0, le=1)
    predefined_metric_type: UtilizationMetric = UTILIZATION_METRIC


class StepEntry(_Table):
    """One step. bound: how far past the threshold it begins. adjustment: instances to add, or to remove if negative."""

    bound: float = Field(0.0, ge=0, lt=math.inf)
    adjustment: int


class StepTable(_Table):
    """A step policy (ChangeInCapacity) and its alarm, which watches invocations **a minute** per instance.

    above: True acts above the threshold, False below it. evaluation_periods: how many minutes in a row the threshold is
    passed before the policy acts. cooldown: seconds.
    """

    threshold: float = Field(gt=0, lt=math.inf)
    above: bool
    evaluation_periods: int = Field(3, ge=1, le=60)
    steps: list[StepEntry] = Field(min_length=1)
    cooldown: Seconds | None = None

    def configuration(self) -> dict[str, Any]:
        """StepScalingPolicyConfiguration. Each interval reaches from one bound to the next, away from 0."""
        steps = sorted(self.steps, key=lambda step: step.bound)
        ends = [step.bound for step in steps[1:]]
        adjustments = []
        for step, end in itertools.zip_longest(steps, ends):
            near, far = ("Lower", "Upper") if self.above else ("Upper", "Lower")
            sign = 1 if self.above else -1
            interval = {f"MetricInterval{near}Bound": sign * step.bound + 0.0}  # no -0.0
            if end is not None:
                interval[f"MetricInterval{far}Bound"] = sign * end
            adjustments.append({**interval, "ScalingAdjustment": step.adjustment})
        cooldown = {} if self.cooldown is None else {"Cooldown": self.cooldown}
        return {
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": adjustments,
            "MetricAggregationType": "Average",
            **cooldown,
        }

    def alarm(self, endpoint: str, variant: str) -> dict[str, Any]:
        """The members of PutMetricAlarm except AlarmName and AlarmActions."""
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
    """AlarmName of a step policy's alarm."""
    return f"{endpoint}-{variant}-{policy}"


class ScheduleTable(_Table):
    """A scheduled action. schedule: ``cron(...)``, ``rate(...)`` or ``at(...)``."""

    schedule: str
    timezone: str | None = None
    min_capacity: Capacity | None = None
    max_capacity: Capacity | None = None


class _TargetTable(_Table):
    min_capacity: Capacity
    max_capacity: Capacity
    scheduled_actions: dict[PolicyName, ScheduleTable] = {}


class VariantScaling(_TargetTable):
    """A production variant as a scalable target."""

    min_capacity: Annotated[int, Field(ge=1)] = 1
    target_tracking: dict[PolicyName, VariantTracking] = {}
    step_scaling: dict[PolicyName, StepTable] = {}


class FunctionScaling(_TargetTable):
    """The provisioned concurrency of the function's alias as a scalable target."""

    target_tracking: dict[PolicyName, FunctionTracking] = {}


class ScalingTable(_Table):
    """[scaling]: scalable targets, by the names of their production variants, and the function."""

    variants: dict[str, VariantScaling] = {}
    function: FunctionScaling | None = None

    def targets(self) -> Iterator[tuple[KeyPath, VariantScaling | FunctionScaling]]:
        """Every scalable target, after its key in the file."""
        for name, variant in self.variants.items():
            yield ("scaling", "variants", name), variant
        if self.function is not None:
            yield ("scaling", "function"), self.function
