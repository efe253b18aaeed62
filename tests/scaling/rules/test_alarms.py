"""CloudWatch's alarm evaluation; the tables of missing data are the CloudWatch guide's, alarms-and-missing-data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scaling.rules.alarms import Alarm, AlarmRule, AlarmState, TreatMissingData, judge

MISSING = {"-": None, "0": 0.0, "X": 9.0}


def datapoints(pattern: str) -> list[float | None]:
    return [MISSING[mark] for mark in pattern.replace(" ", "")]


def rule(needed: int = 3, periods: int = 3, missing: TreatMissingData = "missing") -> AlarmRule:
    return AlarmRule(5.0, "GreaterThanThreshold", periods, needed, treat_missing_data=missing)


@pytest.mark.parametrize(
    ("pattern", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "OK", "OK", "OK", "OK"),
        ("- - - - 0", "OK", "OK", "OK", "OK"),
        ("- - - - -", "INSUFFICIENT_DATA", "kept", "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", "ALARM", "kept", "ALARM", "OK"),
    ],
)
def test_missing_datapoints_with_3_of_3(
    pattern: str, missing: str, ignore: str, breaching: str, not_breaching: str
) -> None:
    expected = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    for treatment, state in expected.items():
        states = {
            before: judge(rule(missing=treatment), datapoints(pattern), before)  # type: ignore[arg-type]
            for before in ("OK", "ALARM", "INSUFFICIENT_DATA")
        }
        assert states == {before: before if state == "kept" else state for before in states}, treatment


@pytest.mark.parametrize(
    ("pattern", "missing", "breaching", "not_breaching"),
    [
        ("0 - X - X", "ALARM", "ALARM", "ALARM"),
        ("0 0 X 0 X", "ALARM", "ALARM", "ALARM"),
        ("0 - X - -", "OK", "ALARM", "OK"),
        ("- - - - 0", "OK", "ALARM", "OK"),
    ],
)
def test_missing_datapoints_with_2_of_3(pattern: str, missing: str, breaching: str, not_breaching: str) -> None:
    expected: dict[TreatMissingData, str] = {
        "missing": missing,
        "breaching": breaching,
        "notBreaching": not_breaching,
    }
    for treatment, state in expected.items():
        assert judge(rule(2, 3, treatment), datapoints(pattern), "OK") == state, treatment


@pytest.mark.parametrize("pattern", ["X", "XX", "- - - X X"])
@pytest.mark.parametrize("before", ["OK", "INSUFFICIENT_DATA"])
def test_a_breach_that_is_too_recent_keeps_the_state(pattern: str, before: AlarmState) -> None:
    # A workshop's AlarmHigh was in INSUFFICIENT_DATA until it went to ALARM.
    assert judge(rule(), datapoints(pattern), before) == before


def test_a_value_at_the_threshold_does_not_breach() -> None:
    # "above the target": GreaterThanThreshold.
    assert judge(rule(), [5.0, 5.0, 5.0], "OK") == "OK"
    at_least = AlarmRule(5.0, "GreaterThanOrEqualToThreshold", 3, 3)
    assert judge(at_least, [5.0, 5.0, 5.0], "OK") == "ALARM"
    assert judge(AlarmRule(5.0, "LessThanThreshold", 1, 1), [5.0], "OK") == "OK"
    assert judge(AlarmRule(5.0, "LessThanOrEqualToThreshold", 1, 1), [5.0], "OK") == "ALARM"


def test_a_new_alarm_has_insufficient_data_and_changes_are_dated() -> None:
    alarm = Alarm("AlarmHigh", rule())
    states = []
    for minute, value in enumerate([9.0, 9.0, 9.0, 9.0, 0.0, 0.0]):
        alarm.evaluate(minute * 60, [9.0] * minute + [value] if value else [9.0, 9.0, value])
        states.append((alarm.state, alarm.since))
    assert states == [
        ("INSUFFICIENT_DATA", 0.0),
        ("INSUFFICIENT_DATA", 0.0),
        ("ALARM", 120),
        ("ALARM", 120),
        ("OK", 240),
        ("OK", 240),
    ]
    assert alarm.value == 0.0


def test_an_alarm_remembers_the_last_value_it_has_seen() -> None:
    alarm = Alarm("AlarmHigh", rule())
    alarm.evaluate(0, [9.0, 7.0, None])
    assert alarm.value == 7.0


@given(
    st.lists(st.sampled_from([None, 0.0, 9.0]), min_size=17, max_size=17),
    st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]),
)
def test_15_of_15_without_gaps_needs_15_breaching_datapoints(values: list[float | None], before: AlarmState) -> None:
    low = AlarmRule(5.0, "LessThanThreshold", 15, 15)
    state = judge(low, values, before)
    recent = values[-15:]
    if None not in values:
        assert state == ("ALARM" if all(value == 0.0 for value in recent) else "OK")
    if state == "ALARM" and before != "ALARM":
        assert 9.0 not in recent[-1:]
