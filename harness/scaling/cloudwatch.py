"""The alarms in the backend's CloudWatch: puts and deletes them, sets their states, and reads datapoints."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.alarm_history import UNCHECKED
from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core import tasks
from harness.scaling.rules.alarms import Alarm, AlarmRule
from harness.scaling.rules.metric_sources import MetricSource
from harness.scaling.rules.timing import MINUTE

log = logging.getLogger(__name__)

_LISTED = 5  # how many of the most recent datapoints a reason lists
_STATISTICS = ("Sum", "Average", "Minimum", "Maximum", "SampleCount")  # of recorded metrics; they have no percentiles
_COMPARISONS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


class CloudWatchAlarms:
    """Writes in the background, in order, and reads while the caller waits. Failures of the backend are logged."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._queue: asyncio.Queue[tuple[str, str, dict[str, Any]]] = asyncio.Queue()
        self._worker: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._worker is None:
            self._worker = tasks.keep(self._write, "writing alarms")

    async def close(self) -> None:
        """Writes what is left to write, and stops."""
        if self._worker is None:
            return
        await self._queue.join()
        await tasks.stop(self._worker)

    async def flushed(self) -> None:
        """Returns when everything put so far is written."""
        await self._queue.join()

    def put(self, region: str, alarm: Alarm, source: MetricSource, action: str, description: str) -> None:
        rule = alarm.rule
        request = {
            "AlarmName": alarm.name,
            "AlarmDescription": description,
            "ActionsEnabled": True,
            "AlarmActions": [action],
            "EvaluationPeriods": rule.evaluation_periods,
            "Threshold": rule.threshold,
            "ComparisonOperator": rule.comparison,
            "TreatMissingData": rule.treat_missing_data,
            **source.alarm_members(),
        }
        self._queue.put_nowait((region, "put_metric_alarm", request))
        state = {"AlarmName": alarm.name, "StateValue": alarm.state, "StateReason": UNCHECKED, "StateReasonData": "{}"}
        self._queue.put_nowait((region, "set_alarm_state", state))

    def delete(self, region: str, names: Iterable[str]) -> None:
        self._queue.put_nowait((region, "delete_alarms", {"AlarmNames": list(names)}))

    def set_state(
        self, region: str, alarm: Alarm, source: MetricSource, datapoints: Sequence[float | None], end: float
    ) -> None:
        """Sets the alarm's state. end: when the period of the last datapoint ended, in Unix seconds."""
        request = {
            "AlarmName": alarm.name,
            "StateValue": alarm.state,
            "StateReason": reason(alarm, datapoints, end),
            "StateReasonData": reason_data(alarm, source, datapoints, end),
        }
        self._queue.put_nowait((region, "set_alarm_state", request))

    async def with_actions(self, region: str, actions: Iterable[str]) -> list[Mapping[str, Any]]:
        """Returns the enabled metric alarms that have one of these alarm actions."""
        action_arns = set(actions)

        def read_alarms() -> list[Mapping[str, Any]]:
            pages = self._backend.client("cloudwatch", region).get_paginator("describe_alarms").paginate()
            return [
                alarm
                for page in pages
                for alarm in page.get("MetricAlarms", ())
                if action_arns.intersection(alarm.get("AlarmActions", ())) and alarm.get("ActionsEnabled", True)
            ]

        try:
            return await tasks.in_thread(read_alarms)
        except (ClientError, BotoCoreError) as error:
            log.warning("the alarms of step scaling policies could not be read: %s", error)
            return []

    async def datapoints(self, region: str, source: MetricSource, end: int, length: int) -> list[float | None]:
        """Returns the ``length`` datapoints before period ``end`` from GetMetricData; all None if the call fails."""
        start, period = end - length, source.period

        def read_values() -> dict[int, float]:
            answer = self._backend.client("cloudwatch", region).get_metric_data(
                MetricDataQueries=source.queries_for(),
                StartTime=datetime.fromtimestamp(start * period, UTC),
                EndTime=datetime.fromtimestamp(end * period, UTC),
                ScanBy="TimestampAscending",
            )
            result = answer["MetricDataResults"][-1]
            return {
                int(time.timestamp() // period): float(value)
                for time, value in zip(result["Timestamps"], result["Values"], strict=True)
            }

        try:
            values = await tasks.in_thread(read_values)
        except (ClientError, BotoCoreError) as error:
            log.warning("the metric %s could not be read: %s", source.name or "math", error)
            values = {}
        return [values.get(index) for index in range(start, end)]

    async def _write(self) -> None:
        while True:
            region, method, request = await self._queue.get()
            try:
                await self._backend.call("cloudwatch", method, region=region, **request)
            except Exception as error:
                # Whatever the error is, the writer goes on: later entries of the queue are waited for.
                log.warning("%s of an alarm failed: %s", method, error)
            finally:
                self._queue.task_done()


def recorded_datapoints(
    metrics: Metrics, region: str, source: MetricSource, end: int, length: int
) -> list[float | None] | None:
    """Returns the ``length`` datapoints before period ``end`` of a metric; None if this process does not record it."""
    if source.queries or source.statistic not in _STATISTICS:
        return None
    since = (end - length) * source.period
    history = metrics.history(
        source.namespace, source.name, source.dimensions, region, period=source.period, since=since
    )
    if history is None:
        return None
    values: list[float | None] = [None] * length
    for summary in history:
        index = int(summary.start // source.period) - end + length
        if index < length:
            values[index] = summary.statistic(source.statistic)
    return values


def rule_of(alarm: Mapping[str, Any]) -> AlarmRule | None:
    """Returns the rule of an alarm from DescribeAlarms; None if it compares with a band or has no threshold."""
    comparison = alarm["ComparisonOperator"]
    if comparison not in _COMPARISONS or alarm.get("Threshold") is None:
        return None
    periods = int(alarm["EvaluationPeriods"])
    datapoints_to_alarm, period = alarm.get("DatapointsToAlarm"), int(alarm.get("Period") or MINUTE)
    treatment: Any = alarm.get("TreatMissingData") or "missing"
    return AlarmRule(
        float(alarm["Threshold"]),
        comparison,
        periods,
        int(datapoints_to_alarm or periods),
        period,
        treatment,
        m_of_n=bool(datapoints_to_alarm),
    )


def reason(alarm: Alarm, datapoints: Sequence[float | None], end: float) -> str:
    """Returns StateReason in CloudWatch's words, as they are in public logs."""
    rule = alarm.rule
    times = [end - (len(datapoints) - index) * rule.period for index in range(len(datapoints))]
    known = [(value, time) for value, time in zip(datapoints, times, strict=True) if value is not None]
    known = known[-rule.evaluation_periods :]
    if alarm.state == "INSUFFICIENT_DATA" or not known:
        return f"Insufficient Data: {_datapoints_were(rule.evaluation_periods)} unknown."
    crossed = alarm.state == "ALARM"
    decisive = [(value, time) for value, time in reversed(known) if rule.breaches(value, rule.threshold) is crossed]
    listed = ", ".join(
        f"{value} ({datetime.fromtimestamp(time, UTC):%d/%m/%y %H:%M:%S})" for value, time in decisive[:_LISTED]
    )
    were = "were" if len(decisive) > 1 else "was"
    verdict = f"{were} {'' if crossed else 'not '}{_COMPARISONS[rule.comparison]} the threshold ({rule.threshold})"
    count, last = len(decisive), rule.evaluation_periods
    counted = f"{count} out of the last {last} datapoints" if rule.m_of_n else f"{count} datapoint{'s'[: count > 1]}"
    if len(decisive) < _LISTED:
        sentence = f"{counted} [{listed}] {verdict}"
    else:
        recent = "The most recent datapoints" + (" which crossed the threshold" if crossed else "")
        sentence = f"{counted} {verdict}. {recent}: [{listed}]"
    return f"Threshold Crossed: {sentence}{_minimum(rule, crossed=crossed)}."


def _datapoints_were(number: int) -> str:
    return "1 datapoint was" if number == 1 else f"{number} datapoints were"


def _minimum(rule: AlarmRule, *, crossed: bool) -> str:
    if not rule.m_of_n:
        return ""
    needed = rule.datapoints_to_alarm if crossed else rule.evaluation_periods - rule.datapoints_to_alarm + 1
    change = "OK -> ALARM" if crossed else "ALARM -> OK"
    return f" (minimum {needed} datapoint{'s'[: needed > 1]} for {change} transition)"


def reason_data(alarm: Alarm, source: MetricSource, datapoints: Sequence[float | None], end: float) -> str:
    """Returns StateReasonData, as JSON like CloudWatch's."""
    rule = alarm.rule
    document = {
        "version": "1.0",
        "queryDate": _stamp(alarm.since),
        "startDate": _stamp(end - rule.evaluation_periods * rule.period),
        "statistic": source.statistic,
        "period": rule.period,
        "recentDatapoints": [value for value in datapoints[-rule.evaluation_periods :] if value is not None],
        "threshold": rule.threshold,
    }
    return json.dumps(document)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
