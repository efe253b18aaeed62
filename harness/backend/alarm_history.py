"""What DescribeAlarmHistory says of an alarm: made, its changes of state, the scaling policies that it has triggered.

Pure. Summaries and data as in the AWS CLI's example of describe-alarm-history and in public logs.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

MADE = "Unchecked: Initial alarm creation"
"""The StateReason of an alarm that was never evaluated."""
_PAGE = 100  # the largest, and the default (botocore, DescribeAlarmHistory)


@dataclass(frozen=True, slots=True)
class State:
    """A state, since when. data: StateReasonData, JSON."""

    value: str
    reason: str
    data: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Alarm:
    """A metric alarm. states: the oldest first; actions: ARNs of what ALARM triggers, none where they are disabled."""

    name: str
    arn: str
    made: datetime
    states: tuple[State, ...]
    actions: tuple[str, ...]


def history(alarms: Iterable[Alarm], asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """AlarmHistoryItems as the members of DescribeAlarmHistoryInput select and order them."""
    if "AlarmTypes" in asked and "MetricAlarm" not in asked["AlarmTypes"]:
        return []
    start, end = _moment(asked.get("StartDate")), _moment(asked.get("EndDate"))
    kind = asked.get("HistoryItemType")
    items = [
        item
        for alarm in alarms
        if asked.get("AlarmName") in (None, alarm.name)
        for item in _items(alarm)
        if kind in (None, item["HistoryItemType"])
        and (start is None or item["Timestamp"] >= start)
        and (end is None or item["Timestamp"] <= end)
    ]
    items.sort(key=lambda item: item["Timestamp"])
    return items if asked.get("ScanBy") == "TimestampAscending" else items[::-1]


def page(items: Sequence[dict[str, Any]], asked: Mapping[str, Any]) -> tuple[list[dict[str, Any]], str | None]:
    """One page and the token of the next. Raises ValueError for a token that is none."""
    token = asked.get("NextToken")
    start = int(base64.b64decode(token, validate=True)) if token else 0
    end = start + min(int(asked.get("MaxRecords") or _PAGE), _PAGE)
    return list(items[start:end]), base64.b64encode(str(end).encode()).decode() if end < len(items) else None


def _items(alarm: Alarm) -> Iterable[dict[str, Any]]:
    made = {"alarmName": alarm.name, "alarmArn": alarm.arn}
    created = {"type": "Create", "version": "1.0", "createdAlarm": made}
    yield _item(alarm, "ConfigurationUpdate", alarm.made, f'Alarm "{alarm.name}" created', created)
    for old, new in pairwise(alarm.states):
        if old.value == new.value or new.reason == MADE:
            continue
        change = {"version": "1.0", "oldState": _state(old), "newState": _state(new)}
        yield _item(alarm, "StateUpdate", new.since, f"Alarm updated from {old.value} to {new.value}", change)
        # Nobody carries out an alarm's other actions here.
        for action in alarm.actions if new.value == "ALARM" else ():
            if ":scalingPolicy:" in action:
                done = {"actionState": "Succeeded", "notificationResource": action, "stateUpdateTimestamp": _ms(new)}
                yield _item(alarm, "Action", new.since, f"Successfully executed action {action}", done)


def _item(alarm: Alarm, kind: str, at: datetime, summary: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "AlarmName": alarm.name,
        "AlarmType": "MetricAlarm",
        "Timestamp": at,
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }


def _state(state: State) -> dict[str, Any]:
    told = {"stateValue": state.value, "stateReason": state.reason}
    data = json.loads(state.data) if state.data else None
    return {**told, "stateReasonData": data} if data else told


def _ms(state: State) -> int:
    return round(state.since.timestamp() * 1000)


def _moment(given: datetime | None) -> datetime | None:
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given
