"""Which metric a policy or an alarm watches: a predefined one by its AWS name, or a customized one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from harness.scaling.rules.resource_ids import AliasId, ResourceId, VariantId
from harness.scaling.rules.timing import HIGH_RESOLUTION_PERIOD, MINUTE
from harness.scaling.rules.tracking import HIGH_RESOLUTION, ONE_MINUTE, UTILIZATION, AlarmDatapoints

VariantMetric = Literal[
    "SageMakerVariantInvocationsPerInstance", "SageMakerVariantConcurrentRequestsPerModelHighResolution"
]
UtilizationMetric = Literal["LambdaProvisionedConcurrencyUtilization"]
UTILIZATION_METRIC: UtilizationMetric = "LambdaProvisionedConcurrencyUtilization"


@dataclass(frozen=True, slots=True)
class MetricSource:
    """Where datapoints come from. period: seconds. statistic: CloudWatch's name of it.

    queries: MetricDataQueries instead of one metric (metric math); the query with ReturnData gives the datapoints.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int = MINUTE
    unit: str | None = None
    queries: tuple[Mapping[str, Any], ...] = ()

    def alarm_members(self) -> dict[str, Any]:
        """Returns the members of PutMetricAlarm that name the metric."""
        if self.queries:
            return {"Metrics": [dict(query) for query in self.queries]}
        members: dict[str, Any] = {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
            "Statistic": self.statistic,
            "Period": self.period,
        }
        return members | ({"Unit": self.unit} if self.unit else {})

    def queries_for(self) -> list[dict[str, Any]]:
        """Returns the MetricDataQueries for GetMetricData."""
        if self.queries:
            return [_with_period(query, self.period) for query in self.queries]
        metric = {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }
        unit = {"Unit": self.unit} if self.unit else {}
        return [{"Id": "m", "MetricStat": {"Metric": metric, "Period": self.period, "Stat": self.statistic, **unit}}]


@dataclass(frozen=True, slots=True)
class PredefinedMetric:
    """A predefined metric: its name in CloudWatch, and how many of its datapoints the two alarms need."""

    namespace: str
    name: str
    statistic: str
    period: int
    datapoints: AlarmDatapoints


# SageMaker guide, monitoring-cloudwatch; Lambda guide, monitoring-metrics. The statistic of the ten-second metric is
# unverified.
VARIANT_METRICS: dict[VariantMetric, PredefinedMetric] = {
    "SageMakerVariantInvocationsPerInstance": PredefinedMetric(
        "AWS/SageMaker", "InvocationsPerInstance", "Sum", MINUTE, ONE_MINUTE
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": PredefinedMetric(
        "AWS/SageMaker", "ConcurrentRequestsPerModel", "Average", HIGH_RESOLUTION_PERIOD, HIGH_RESOLUTION
    ),
}
ALIAS_METRICS: dict[UtilizationMetric, PredefinedMetric] = {
    UTILIZATION_METRIC: PredefinedMetric(
        "AWS/Lambda", "ProvisionedConcurrencyUtilization", "Average", MINUTE, UTILIZATION
    ),
}


def predefined_metrics(resource: ResourceId) -> Mapping[Any, PredefinedMetric]:
    """Returns the predefined metrics that this kind of resource has."""
    return VARIANT_METRICS if isinstance(resource, VariantId) else ALIAS_METRICS


def predefined_source(resource: ResourceId, metric: PredefinedMetric) -> MetricSource:
    """Returns the source of a predefined metric of one resource."""
    dimensions: tuple[tuple[str, str], ...]
    if isinstance(resource, AliasId):
        dimensions = (("FunctionName", resource.function), ("Resource", f"{resource.function}:{resource.alias}"))
    else:
        dimensions = (("EndpointName", resource.endpoint), ("VariantName", resource.variant))
    return MetricSource(metric.namespace, metric.name, dimensions, metric.statistic, metric.period)


def customized_source(specification: Mapping[str, Any]) -> MetricSource:
    """Returns the source that a CustomizedMetricSpecification names: one metric, or metric math."""
    if specification.get("Metrics"):
        queries = tuple(_as_query(query) for query in specification["Metrics"])
        return MetricSource("", "", (), "Average", queries=queries)
    return MetricSource(
        specification["Namespace"],
        specification["MetricName"],
        _dimensions(specification),
        specification["Statistic"],
        unit=specification.get("Unit"),
    )


def alarm_source(alarm: Mapping[str, Any]) -> MetricSource:
    """Returns the source that an alarm from DescribeAlarms watches."""
    if alarm.get("Metrics"):
        return MetricSource("", "", (), "Average", queries=tuple(alarm["Metrics"]))
    return MetricSource(
        alarm["Namespace"],
        alarm["MetricName"],
        _dimensions(alarm),
        alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average",
        int(alarm["Period"]),
        alarm.get("Unit"),
    )


def _dimensions(members: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((dimension["Name"], dimension["Value"]) for dimension in members.get("Dimensions") or ())


def _as_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Turns a TargetTrackingMetricDataQuery, which names no period, into a MetricDataQuery of CloudWatch."""
    return _with_period(query, MINUTE)


def _with_period(query: Mapping[str, Any], period: int) -> dict[str, Any]:
    if not query.get("MetricStat"):
        return dict(query)
    return {**query, "MetricStat": {"Period": period, **query["MetricStat"]}}
