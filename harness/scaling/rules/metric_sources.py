"""Which metric a policy or alarm watches: a predefined one by its AWS name, or a customized one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.scaling.rules.resource_ids import FunctionAlias, ResourceId, Variant
from harness.scaling.rules.timing import HIGH_RESOLUTION_PERIOD, MINUTE
from harness.scaling.rules.tracking import HIGH_RESOLUTION, ONE_MINUTE, UTILIZATION, AlarmDatapoints


@dataclass(frozen=True, slots=True)
class MetricSource:
    """A series of datapoints. period: seconds; statistic: CloudWatch's name of it.

    queries: MetricDataQueries in place of one metric (metric math); the one with ReturnData gives the datapoints.
    """

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    statistic: str
    period: int = MINUTE
    unit: str | None = None
    queries: tuple[Mapping[str, Any], ...] = ()

    def alarm_members(self) -> dict[str, Any]:
        """What PutMetricAlarm needs to know of it."""
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
        """As GetMetricData takes it."""
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
class Predefined:
    """A predefined metric: where it is, and how many of its datapoints the two alarms need."""

    namespace: str
    name: str
    statistic: str
    period: int
    datapoints: AlarmDatapoints


# SageMaker guide, monitoring-cloudwatch; Lambda guide, monitoring-metrics; alarms as harness.scaling.rules.tracking
# says. The statistic of the ten-second metric is unverified.
VARIANT_METRICS = {
    "SageMakerVariantInvocationsPerInstance": Predefined(
        "AWS/SageMaker", "InvocationsPerInstance", "Sum", MINUTE, ONE_MINUTE
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": Predefined(
        "AWS/SageMaker", "ConcurrentRequestsPerModel", "Average", HIGH_RESOLUTION_PERIOD, HIGH_RESOLUTION
    ),
}
ALIAS_METRICS = {
    "LambdaProvisionedConcurrencyUtilization": Predefined(
        "AWS/Lambda", "ProvisionedConcurrencyUtilization", "Average", MINUTE, UTILIZATION
    ),
}


def predefined_metrics(resource: ResourceId) -> Mapping[str, Predefined]:
    """Those that this kind of resource has."""
    return VARIANT_METRICS if isinstance(resource, Variant) else ALIAS_METRICS


def predefined_source(resource: ResourceId, metric: Predefined) -> MetricSource:
    """The series of a predefined metric of one resource."""
    dimensions: tuple[tuple[str, str], ...]
    if isinstance(resource, FunctionAlias):
        dimensions = (("FunctionName", resource.function), ("Resource", f"{resource.function}:{resource.alias}"))
    else:
        dimensions = (("EndpointName", resource.endpoint), ("VariantName", resource.variant))
    return MetricSource(metric.namespace, metric.name, dimensions, metric.statistic, metric.period)


def customized_source(specification: Mapping[str, Any]) -> MetricSource:
    """The series of a CustomizedMetricSpecification: one metric, or metric math."""
    if specification.get("Metrics"):
        queries = tuple(_as_query(query) for query in specification["Metrics"])
        return MetricSource("", "", (), "Average", queries=queries)
    return MetricSource(
        specification["Namespace"],
        specification["MetricName"],
        tuple((one["Name"], one["Value"]) for one in specification.get("Dimensions") or ()),
        specification["Statistic"],
        unit=specification.get("Unit"),
    )


def alarm_source(alarm: Mapping[str, Any]) -> MetricSource:
    """The series that an alarm of DescribeAlarms watches."""
    if alarm.get("Metrics"):
        return MetricSource("", "", (), "Average", queries=tuple(alarm["Metrics"]))
    return MetricSource(
        alarm["Namespace"],
        alarm["MetricName"],
        tuple((one["Name"], one["Value"]) for one in alarm.get("Dimensions") or ()),
        alarm.get("Statistic") or alarm.get("ExtendedStatistic") or "Average",
        int(alarm["Period"]),
        alarm.get("Unit"),
    )


def _as_query(query: Mapping[str, Any]) -> dict[str, Any]:
    """Application Auto Scaling's TargetTrackingMetricDataQuery, which names no period, as CloudWatch's."""
    return _with_period(query, MINUTE)


def _with_period(query: Mapping[str, Any], period: int) -> dict[str, Any]:
    made = dict(query)
    if made.get("MetricStat"):
        made["MetricStat"] = {"Period": period, **made["MetricStat"]}
    return made
