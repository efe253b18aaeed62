"""StateReason in CloudWatch's words, as they are in public logs."""

from __future__ import annotations

import json

import pytest

from harness.scaling.cloudwatch import reason, reason_data, rule_of
from harness.scaling.rules.alarms import Alarm, AlarmRule, AlarmState
from harness.scaling.rules.metric_sources import MetricSource

HOUR = 1_800_000_000.0 // 3600 * 3600  # 2027-01-15 08:00 UTC


def state_reason(state: AlarmState, datapoints: list[float | None], rule: AlarmRule) -> str:
    return reason(Alarm("a", rule, state), datapoints, HOUR)


HIGH = AlarmRule(5.0, "GreaterThanThreshold", 3, 3)
LOW = AlarmRule(4.5, "LessThanThreshold", 15, 15)
M_OF_N = AlarmRule(100.0, "GreaterThanOrEqualToThreshold", 3, 2, m_of_n=True)
RECENT = ", ".join(f"0.0 (15/01/27 07:{minute}:00)" for minute in (59, 58, 57, 56, 55))


@pytest.mark.parametrize(
    ("state", "datapoints", "rule", "expected"),
    [
        (
            "ALARM", [6.0, 7.0, 8.0], HIGH,
            "Threshold Crossed: 3 datapoints [8.0 (15/01/27 07:59:00), 7.0 (15/01/27 07:58:00), "
            "6.0 (15/01/27 07:57:00)] were greater than the threshold (5.0).",
        ),
        (
            "OK", [6.0, 7.0, 5.0], HIGH,
            "Threshold Crossed: 1 datapoint [5.0 (15/01/27 07:59:00)] was not greater than the threshold (5.0).",
        ),
        (
            "ALARM", [0.0] * 17, LOW,
            "Threshold Crossed: 15 datapoints were less than the threshold (4.5). "
            f"The most recent datapoints which crossed the threshold: [{RECENT}].",
        ),
        (
            "ALARM", [100.0, None, 200.0], M_OF_N,
            "Threshold Crossed: 2 out of the last 3 datapoints [200.0 (15/01/27 07:59:00), 100.0 (15/01/27 07:57:00)] "
            "were greater than or equal to the threshold (100.0) (minimum 2 datapoints for OK -> ALARM transition).",
        ),
        (
            "OK", [200.0, 0.0, 0.0], M_OF_N,
            "Threshold Crossed: 2 out of the last 3 datapoints [0.0 (15/01/27 07:59:00), 0.0 (15/01/27 07:58:00)] "
            "were not greater than or equal to the threshold (100.0) "
            "(minimum 2 datapoints for ALARM -> OK transition).",
        ),
        ("INSUFFICIENT_DATA", [None, None, None], HIGH, "Insufficient Data: 3 datapoints were unknown."),
        (
            "INSUFFICIENT_DATA", [], AlarmRule(5.0, "GreaterThanThreshold", 1, 1),
            "Insufficient Data: 1 datapoint was unknown.",
        ),
    ],
)  # fmt: skip
def test_state_reasons(state: AlarmState, datapoints: list[float | None], rule: AlarmRule, expected: str) -> None:
    assert state_reason(state, datapoints, rule) == expected


def test_the_reasons_data_is_json() -> None:
    source = MetricSource("AWS/SageMaker", "InvocationsPerInstance", (), "Sum")
    document = json.loads(reason_data(Alarm("a", HIGH, "ALARM", since=HOUR), source, [1.0, None, 6.0, 7.0], HOUR))
    assert document == {
        "version": "1.0",
        "queryDate": "2027-01-15T08:00:00.000+0000",
        "startDate": "2027-01-15T07:57:00.000+0000",
        "statistic": "Sum",
        "period": 60,
        "recentDatapoints": [6.0, 7.0],
        "threshold": 5.0,
    }


def test_m_of_n_is_set_only_if_datapoints_to_alarm_was_given() -> None:
    alarm = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1.0, "EvaluationPeriods": 3}
    assert rule_of(alarm) == AlarmRule(1.0, "GreaterThanThreshold", 3, 3)
    assert rule_of({**alarm, "DatapointsToAlarm": 3}) == AlarmRule(1.0, "GreaterThanThreshold", 3, 3, m_of_n=True)
    assert rule_of({**alarm, "ComparisonOperator": "GreaterThanUpperThreshold"}) is None
