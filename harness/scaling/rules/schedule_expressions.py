"""When a scheduled action runs: at(...), rate(...) and cron(...) in a time zone.

Times are Unix seconds. Source: botocore, PutScheduledAction. aws-croniter reads cron's six fields with AWS's own L, W,
# and ?.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter

_EXPRESSION = re.compile(r"\s*(at|rate|cron)\((.*)\)\s*", re.DOTALL)
# Singular and plural are both allowed with any number, as AWS's own error text says.
_RATE = re.compile(r"(\d+)\s?(minute|hour|day)s?")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
# From public logs, at least the beginnings.
_SYNTAX = (
    "Invalid schedule expression. Details: Schedule expressions must have the following syntax: "
    r"rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss)."
)
_NO_FREQUENCY = "Invalid schedule frequency. Runs of {} are less than 60 seconds apart."
_NO_TIME = "Invalid schedule at DateTime expression: {}"
_NO_CRON = "Invalid CRON expression: {}. {}"


class ScheduleExpression(Protocol):
    """The times at which something happens."""

    def after(self, now: float) -> float | None:
        """Returns the first time later than ``now``, or None if there is none."""
        ...


@dataclass(frozen=True, slots=True)
class At:
    """One time only."""

    time: float

    def after(self, now: float) -> float | None:
        return self.time if self.time > now else None


@dataclass(frozen=True, slots=True)
class Rate:
    """Every ``seconds`` from ``start`` on."""

    seconds: int
    start: float

    def after(self, now: float) -> float | None:
        if now < self.start:
            return self.start
        return self.start + (int((now - self.start) // self.seconds) + 1) * self.seconds


class Cron:
    """Times on a time zone's calendar. A time that is skipped when clocks change comes an hour later (inferred)."""

    def __init__(self, fields: str, zone: ZoneInfo) -> None:
        self._cron = AwsCroniter(" ".join(fields.split()))
        self._zone = zone

    def after(self, now: float) -> float | None:
        # aws-croniter takes any time as UTC: it gets the time on the zone's wall clock.
        local = datetime.fromtimestamp(now, self._zone).replace(tzinfo=UTC)
        while (local := self._cron.occurrence(local).next()) is not None:
            time: float = local.replace(tzinfo=self._zone).timestamp()
            if time > now:
                return time
        return None


def parse_schedule(expression: str, zone: str | None, created: float) -> ScheduleExpression:
    """Parses AWS's expression. created: when the action was put; a rate counts from there (inferred).

    Raises ValueError, in AWS's words, for an expression or a zone that is not valid.
    """
    try:
        time_zone = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        raise ValueError(f"Invalid time zone: {zone}") from None  # unverified
    match = _EXPRESSION.fullmatch(expression)
    if not match:
        raise ValueError(_SYNTAX)
    kind, inside = match[1], match[2].strip()
    if kind == "at":
        try:
            return At(datetime.strptime(inside, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=time_zone).timestamp())
        except ValueError:
            raise ValueError(_NO_TIME.format(inside)) from None
    if kind == "rate":
        rate = _RATE.fullmatch(inside)
        if not rate:
            raise ValueError(_SYNTAX)
        seconds = _SECONDS[rate[2]] * int(rate[1])
        if not seconds:
            raise ValueError(_NO_FREQUENCY.format(expression.strip()))
        return Rate(seconds, created + seconds)
    try:
        return Cron(inside, time_zone)
    except ValueError as error:
        raise ValueError(_NO_CRON.format(inside, error)) from None
