"""DescribeAlarmHistory, from the states that moto keeps of its alarms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.backend.alarm_history import UNCHECKED, AlarmState, MetricAlarm, history, page
from harness.core.clock import VirtualClock
from tests.support import Aws, running_aws, unique

POLICY = "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:1:resource/sagemaker/e:policyName/p:createdBy/2"
START = datetime(2027, 1, 15, 8, tzinfo=UTC)


def state(value: str, minute: int, reason: str = "why") -> AlarmState:
    return AlarmState(value, reason, '{"version": "1.0"}', START + timedelta(minutes=minute))


ALARM = MetricAlarm(
    "high",
    "arn:aws:cloudwatch:us-east-1:123456789012:alarm:high",
    START,
    (
        state("OK", 0, UNCHECKED),
        state("INSUFFICIENT_DATA", 0, UNCHECKED),
        state("ALARM", 5),
        state("ALARM", 6),
        state("OK", 9),
    ),
    (POLICY, "arn:aws:sns:us-east-1:123456789012:topic"),
)


def summaries(**request: Any) -> list[tuple[str, str]]:
    return [(item["HistoryItemType"], item["HistorySummary"]) for item in history([ALARM], request)]


def test_creation_changes_of_state_and_what_they_triggered_newest_first() -> None:
    assert summaries() == [
        ("StateUpdate", "Alarm updated from ALARM to OK"),
        ("Action", f"Successfully executed action {POLICY}"),
        ("StateUpdate", "Alarm updated from INSUFFICIENT_DATA to ALARM"),
        ("ConfigurationUpdate", 'Alarm "high" created'),
    ]
    assert summaries(ScanBy="TimestampAscending") == summaries()[::-1]


def test_the_data_of_a_change_has_both_states() -> None:
    (newest, *_) = history([ALARM], {"HistoryItemType": "StateUpdate"})
    reason = {"stateReason": "why", "stateReasonData": {"version": "1.0"}}
    assert json.loads(newest["HistoryData"]) == {
        "version": "1.0",
        "oldState": {"stateValue": "ALARM", **reason},
        "newState": {"stateValue": "OK", **reason},
    }


def test_a_type_an_alarm_and_a_time_select() -> None:
    assert [kind for kind, _ in summaries(HistoryItemType="Action")] == ["Action"]
    assert summaries(AlarmName="low") == []
    assert summaries(AlarmTypes=["CompositeAlarm"]) == []
    assert len(summaries(StartDate=START + timedelta(minutes=5), EndDate=datetime(2027, 1, 15, 8, 6))) == 2


def test_pages() -> None:
    items = history([ALARM], {})
    first, token = page(items, {"MaxRecords": 3})
    rest, end = page(items, {"MaxRecords": 3, "NextToken": token})
    assert (first + rest, end) == (items, None)


@pytest.fixture(scope="module")
def later() -> Iterator[tuple[Aws, VirtualClock]]:
    """A local AWS whose clock is three days ahead of the wall's."""
    clock = VirtualClock((datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0).timestamp())
    with running_aws(clock=clock) as aws:
        yield aws, clock


def test_moto_tells_it_on_the_harnesss_clock(later: tuple[Aws, VirtualClock]) -> None:
    aws, clock = later
    cloudwatch, name = aws.client("cloudwatch"), unique("alarm")
    now = datetime.fromtimestamp(clock.now(), UTC)
    cloudwatch.put_metric_alarm(
        AlarmName=name, Namespace="n", MetricName="m", Period=60, EvaluationPeriods=1, Threshold=1, Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold", AlarmActions=[POLICY],
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="by hand")
    (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert alarm["StateUpdatedTimestamp"] == alarm["AlarmConfigurationUpdatedTimestamp"] == now
    items = cloudwatch.describe_alarm_history(AlarmName=name, ScanBy="TimestampAscending")["AlarmHistoryItems"]
    assert [item["HistoryItemType"] for item in items] == ["ConfigurationUpdate", "StateUpdate", "Action"]
    assert {item["Timestamp"] for item in items} == {now}
    pages = cloudwatch.get_paginator("describe_alarm_history").paginate(
        AlarmName=name, ScanBy="TimestampAscending", PaginationConfig={"PageSize": 1}
    )
    assert [item for page in pages for item in page["AlarmHistoryItems"]] == items
    with pytest.raises(ClientError, match="InvalidNextToken"):
        cloudwatch.describe_alarm_history(NextToken="?")
    cloudwatch.delete_alarms(AlarmNames=[name])


def test_datapoints_without_a_time_have_the_clocks(later: tuple[Aws, VirtualClock]) -> None:
    aws, clock = later
    cloudwatch, namespace = aws.client("cloudwatch"), unique("Own")
    now = datetime.fromtimestamp(clock.now(), UTC)
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[{"MetricName": "m", "Value": 3.0}])
    (datapoint,) = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName="m", Period=60, Statistics=["Sum"],
        StartTime=now - timedelta(minutes=1), EndTime=now + timedelta(minutes=1),
    )["Datapoints"]  # fmt: skip
    assert datapoint["Sum"] == 3.0


def test_log_events_are_taken_however_far_ahead_the_clock_is(later: tuple[Aws, VirtualClock]) -> None:
    # CloudWatch Logs refuses events from more than two hours ahead of its time (PutLogEvents).
    aws, clock = later
    logs, group = aws.client("logs"), unique("group")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    event = {"timestamp": int(clock.now() * 1000), "message": "ahead"}
    answer = logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
    assert "rejectedLogEventsInfo" not in answer
    (event_read,) = logs.get_log_events(logGroupName=group, logStreamName="s")["events"]
    assert (event_read["message"], event_read["ingestionTime"] // 1000) == ("ahead", int(clock.now()))
