"""Checks the configurations of policies, and makes the rules' settings of them.

Everything here raises AwsError ValidationException. Sources: botocore, StepAdjustment and
TargetTrackingScalingPolicyConfiguration.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from harness.scaling import errors
from harness.scaling.rules.metric_sources import MetricSource, customized_source, predefined_metrics, predefined_source
from harness.scaling.rules.resource_ids import AliasId, ResourceId
from harness.scaling.rules.steps import StepAdjustment, StepScalingSettings
from harness.scaling.rules.timing import MINUTE
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN, ONE_MINUTE, TargetTrackingSettings

# Application Auto Scaling guide: 300 s for SageMaker variants, none for Lambda's provisioned concurrency.
LAMBDA_COOLDOWN = 0.0
_SINGLE_METRIC = ("MetricName", "Namespace", "Statistic", "Dimensions", "Unit")


def tracking_settings(
    configuration: Mapping[str, Any], resource: ResourceId, dimension: str
) -> tuple[TargetTrackingSettings, MetricSource]:
    """Returns the settings of a TargetTrackingScalingPolicyConfiguration, and the metric that it tracks."""
    target = float(configuration["TargetValue"])
    if not target > 0 or math.isinf(target):
        raise errors.invalid(errors.TARGET_NOT_POSITIVE)
    predefined = configuration.get("PredefinedMetricSpecification")
    customized = configuration.get("CustomizedMetricSpecification")
    if predefined is None and customized is None:
        raise errors.invalid(errors.SPECIFICATION_MISSING)
    if predefined is not None and customized is not None:
        raise errors.invalid(errors.SPECIFICATIONS_BOTH)
    default = LAMBDA_COOLDOWN if isinstance(resource, AliasId) else DEFAULT_COOLDOWN
    period, datapoints = MINUTE, ONE_MINUTE
    if predefined is not None:
        supported = predefined_metrics(resource)
        metric = supported.get(predefined["PredefinedMetricType"])
        if metric is None:
            raise errors.predefined(dimension, supported)
        source = predefined_source(resource, metric)
        period, datapoints = metric.period, metric.datapoints
    else:
        assert customized is not None
        _check_customized(customized)
        source = customized_source(customized)
    settings = TargetTrackingSettings(
        target,
        _cooldown(configuration, "ScaleOutCooldown", default),
        _cooldown(configuration, "ScaleInCooldown", default),
        bool(configuration.get("DisableScaleIn")),
        period,
        datapoints,
    )
    return settings, source


def _check_customized(specification: Mapping[str, Any]) -> None:
    """Checks that there is one metric, or metric math of which one query returns data, but not both (botocore)."""
    queries = specification.get("Metrics") or ()
    single = [member for member in _SINGLE_METRIC if specification.get(member)]
    if queries:
        # ReturnData is true unless it is given (botocore, TargetTrackingMetricDataQuery).
        returning = sum(query.get("ReturnData") is not False for query in queries)
        valid = not single and returning == 1
    else:
        valid = {"MetricName", "Namespace", "Statistic"} <= set(single)
    if not valid:
        raise errors.invalid(errors.CUSTOMIZED_INVALID)


def step_settings(configuration: Mapping[str, Any]) -> StepScalingSettings:
    """Returns the settings of a StepScalingPolicyConfiguration."""
    adjustment_type = configuration.get("AdjustmentType")
    if adjustment_type is None:
        raise errors.invalid(errors.STEPS_TYPE_MISSING)
    magnitude = int(configuration.get("MinAdjustmentMagnitude") or 0)
    if magnitude and adjustment_type != "PercentChangeInCapacity":
        raise errors.invalid(errors.MAGNITUDE_MISPLACED)
    steps = tuple(
        StepAdjustment(
            int(step["ScalingAdjustment"]), step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
        )
        for step in configuration.get("StepAdjustments") or ()
    )
    _check_steps(steps)
    if adjustment_type == "ExactCapacity" and any(step.adjustment < 0 for step in steps):
        raise errors.invalid(errors.EXACT_NEGATIVE)
    return StepScalingSettings(
        adjustment_type,
        steps,
        magnitude,
        _cooldown(configuration, "Cooldown", DEFAULT_COOLDOWN),
        configuration.get("MetricAggregationType") or "Average",
    )


def _cooldown(configuration: Mapping[str, Any], member: str, default: float) -> float:
    seconds = configuration.get(member)
    if seconds is not None and seconds < 0:
        raise errors.invalid(errors.COOLDOWN_NEGATIVE)
    return default if seconds is None else float(seconds)


def _check_steps(steps: tuple[StepAdjustment, ...]) -> None:
    if not steps:
        raise errors.invalid(errors.STEPS_MISSING)
    if len(steps) > errors.STEPS_PER_POLICY:
        raise errors.limit(errors.STEPS_TOO_MANY.format(errors.STEPS_PER_POLICY))
    if any(step.lower is None and step.upper is None for step in steps):
        raise errors.invalid(errors.STEPS_UNBOUNDED)
    for side, bounds in (("lower", [step.lower for step in steps]), ("upper", [step.upper for step in steps])):
        if bounds.count(None) > 1:
            raise errors.invalid(errors.STEPS_OPEN_TWICE.format(side))
    intervals = sorted(
        (-math.inf if step.lower is None else step.lower, math.inf if step.upper is None else step.upper)
        for step in steps
    )
    if any(low >= high for low, high in intervals):
        raise errors.invalid(errors.STEPS_REVERSED)
    for (_, high), (low, _) in itertools.pairwise(intervals):
        if low < high:
            raise errors.invalid(errors.STEPS_OVERLAP)
        if low > high:
            raise errors.invalid(errors.STEPS_GAP)
    if -math.inf < intervals[0][0] < 0:
        raise errors.invalid(errors.STEPS_OPEN_NOWHERE.format("lower", "negative"))
    if 0 < intervals[-1][1] < math.inf:
        raise errors.invalid(errors.STEPS_OPEN_NOWHERE.format("upper", "positive"))
