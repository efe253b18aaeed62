"""The history of alarms for DescribeAlarmHistory: creation, changes of state, and scaling policies triggered.

Summaries and data are as in the AWS CLI's example of describe-alarm-history and in public logs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

UNCHECKED = "Unchecked: Initial alarm creation"
"""The StateReason of an alarm that was never evaluated."""
_PAGE_SIZE = 100  # the largest, and the default (botocore, DescribeAlarmHistory)


@dataclass(frozen=True, slots=True)
class AlarmState:
    """A state of an alarm. data: StateReasonData, which is JSON."""

    value: str
    reason: str
    data: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class MetricAlarm:
    """An alarm. states: the oldest first. actions: ARNs of what ALARM triggers; none if they are disabled."""

    name: str
    arn: str
    created: datetime
    states: tuple[AlarmState, ...]
    actions: tuple[str, ...]


def history(alarms: Iterable[MetricAlarm], request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The AlarmHistoryItems that a request of DescribeAlarmHistory selects, in the order that it wants."""
    if "AlarmTypes" in request and "MetricAlarm" not in request["AlarmTypes"]:
        return []
    start, end = _aware(request.get("StartDate")), _aware(request.get("EndDate"))
    kind = request.get("HistoryItemType")
    items = [
        item
        for alarm in alarms
        if request.get("AlarmName") in (None, alarm.name)
        for item in _items(alarm)
        if kind in (None, item["HistoryItemType"])
        and (start is None or item["Timestamp"] >= start)
        and (end is None or item["Timestamp"] <= end)
    ]
    items.sort(key=lambda item: item["Timestamp"])
    return items if request.get("ScanBy") == "TimestampAscending" else items[::-1]


def page(items: Sequence[dict[str, Any]], request: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """One page, and the token of the next. Raises ValueError for a malformed token."""
    token = request.get("NextToken")
    start = int(base64.b64decode(token, validate=True)) if token else 0
    end = start + min(int(request.get("MaxRecords") or _PAGE_SIZE), _PAGE_SIZE)
    return list(items[start:end]), base64.b64encode(str(end).encode()).decode() if end < len(items) else None


def _items(alarm: MetricAlarm) -> Iterable[dict[str, Any]]:
    created = {
        "type": "Create",
        "version": "1.0",
        "createdAlarm": {"alarmName": alarm.name, "alarmArn": alarm.arn},
    }
    yield _item(alarm, "ConfigurationUpdate", alarm.created, f'Alarm "{alarm.name}" created', created)
    for old, new in pairwise(alarm.states):
        if old.value == new.value or new.reason == UNCHECKED:
            continue
        change = {"version": "1.0", "oldState": _state_data(old), "newState": _state_data(new)}
        yield _item(alarm, "StateUpdate", new.since, f"Alarm updated from {old.value} to {new.value}", change)
        # Scaling policies are the only actions that the harness carries out.
        for action in alarm.actions if new.value == "ALARM" else ():
            if ":scalingPolicy:" in action:
                result = {
                    "actionState": "Succeeded",
                    "notificationResource": action,
                    "stateUpdateTimestamp": _milliseconds(new),
                }
                yield _item(alarm, "Action", new.since, f"Successfully executed action {action}", result)


def _item(alarm: MetricAlarm, kind: str, at: datetime, summary: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmType": "MetricAlarm",
        "Timestamp": at,
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }


def _state_data(state: AlarmState) -> dict[str, Any]:
    summary = {"stateValue": state.value, "stateReason": state.reason}
    data = json.loads(state.data) if state.data else None
    return {**summary, "stateReasonData": data} if data else summary


def _milliseconds(state: AlarmState) -> int:
    return round(state.since.timestamp() * 1000)


def _aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC's."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
