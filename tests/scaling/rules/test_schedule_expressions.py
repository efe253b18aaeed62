"""The next times of schedule expressions, and AWS's errors for invalid ones."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.scaling.rules.schedule_expressions import Cron, parse_schedule


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("expression", "zone", "now", "expected"),
    [
        ("cron(0 8 * * ? *)", None, "2026-03-01 07:59", "2026-03-01 08:00"),
        ("cron(0 8 * * ? *)", None, "2026-03-01 08:00", "2026-03-02 08:00"),
        ("cron(0/15 9-17 ? * MON-FRI *)", None, "2026-03-06 17:46", "2026-03-09 09:00"),
        ("cron(0 22 L * ? *)", None, "2026-02-10 00:00", "2026-02-28 22:00"),
        ("cron(0 12 ? * 2#1 *)", None, "2026-03-03 00:00", "2026-04-06 12:00"),
        ("at(2026-07-01T06:30:00)", None, "2026-01-01 00:00", "2026-07-01 06:30"),
        ("rate(5 minutes)", None, "2026-01-01 00:07", "2026-01-01 00:10"),
        ("rate(1 day)", None, "2026-01-01 00:07", "2026-01-02 00:00"),
        ("rate(1days)", None, "2026-01-01 00:07", "2026-01-02 00:00"),
        ("rate(5 minute)", None, "2026-01-01 00:07", "2026-01-01 00:10"),
    ],
)
def test_the_next_time(expression: str, zone: str | None, now: str, expected: str) -> None:
    assert parse_schedule(expression, zone, at("2026-01-01 00:00")).after(at(now)) == at(expected)


def test_a_schedule_keeps_its_wall_clock_time_when_clocks_change() -> None:
    schedule = parse_schedule("cron(0 8 * * ? *)", "Europe/Berlin", 0)
    before, after = (schedule.after(at(day)) for day in ("2026-03-27 12:00", "2026-03-28 12:00"))
    assert (before, after) == (at("2026-03-28 07:00"), at("2026-03-29 06:00"))
    assert parse_schedule("at(2026-07-01T06:30:00)", "Asia/Tokyo", 0).after(0) == at("2026-06-30 21:30")


def test_a_single_time_does_not_come_again() -> None:
    schedule = parse_schedule("at(2026-07-01T06:30:00)", None, 0)
    assert schedule.after(at("2026-07-01 06:30")) is None
    assert parse_schedule("cron(0 8 1 1 ? 2025)", None, 0).after(at("2026-01-01 00:00")) is None


SYNTAX = r"Invalid schedule expression. Details: Schedule expressions must have the following syntax: rate\(<number>"


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("every day", SYNTAX),
        ("0 8 * * ? *", SYNTAX),
        ("rate(5 weeks)", SYNTAX),
        ("rate(-5 minutes)", SYNTAX),
        ("rate(0 minutes)", "Invalid schedule frequency"),
        ("at(tomorrow)", "Invalid schedule at DateTime expression: tomorrow"),
        ("at(2035-01-01T00:00:00Z)", "Invalid schedule at DateTime expression"),
        ("cron(0 8 * * *)", "Invalid CRON expression: 0 8"),
        ("cron(0 8 * * * *)", "Invalid CRON expression: 0 8"),
        ("cron(0 8 1 * 2 *)", "Invalid CRON expression: 0 8"),
        ("cron(61 8 * * ? *)", "Invalid CRON expression: 61 8 .* minute value '61'"),
    ],
)
def test_an_invalid_expression_is_refused_in_awss_words(expression: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_schedule(expression, None, 0)


def test_an_invalid_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="Invalid time zone: Mars/Olympus"):
        parse_schedule("cron(0 8 * * ? *)", "Mars/Olympus", 0)


@given(st.integers(0, 2**31), st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]))
def test_the_next_time_is_later(now: int, zone: str) -> None:
    time = Cron("30 2 * * ? *", ZoneInfo(zone)).after(now)
    assert time is not None
    assert now < time <= now + 2 * 86_400
