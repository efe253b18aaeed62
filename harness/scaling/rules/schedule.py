"""When a scheduled action runs: at(...), rate(...) and cron(...) in a time zone.

Pure; times are Unix seconds. Source: botocore, PutScheduledAction. cron's six fields with AWS's own L, W, # and ? are
aws-croniter's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter

_EXPRESSION = re.compile(r"\s*(at|rate|cron)\((.*)\)\s*", re.DOTALL)
# One and many alike, as in AWS's own words for what is none.
_RATE = re.compile(r"(\d+)\s?(minute|hour|day)s?")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}
# As printed in public logs, the beginnings at least.
_SYNTAX = (
    "Invalid schedule expression. Details: Schedule expressions must have the following syntax: "
    r"rate(<number>\s?(minutes?|hours?|days?)), cron(<cron_expression>) or at(yyyy-MM-dd'T'HH:mm:ss)."
)
_NO_FREQUENCY = "Invalid schedule frequency. Runs of {} are less than 60 seconds apart."
_NO_TIME = "Invalid schedule at DateTime expression: {}"
_NO_CRON = "Invalid CRON expression: {}. {}"


class Schedule(Protocol):
    """When something happens."""

    def after(self, now: float) -> float | None:
        """The first time later than ``now``, or None when there is none any more."""
        ...


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

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
    """By the calendar of a time zone. A time that a change of the clocks leaves out comes an hour later (inferred)."""

    def __init__(self, fields: str, zone: ZoneInfo) -> None:
        self._cron = AwsCroniter(" ".join(fields.split()))
        self._zone = zone

    def after(self, now: float) -> float | None:
        # The calendar is read on the zone's wall clock; aws-croniter takes any for UTC.
        local = datetime.fromtimestamp(now, self._zone).replace(tzinfo=UTC)
        while (local := self._cron.occurrence(local).next()) is not None:
            found: float = local.replace(tzinfo=self._zone).timestamp()
            if found > now:
                return found
        return None


def parse_schedule(expression: str, zone: str | None, created: float) -> Schedule:
    """A schedule from AWS's expression. created: when it was put, from which a rate counts (inferred).

    Raises ValueError, in AWS's words, for an expression or a zone that is none.
    """
    try:
        tz = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        raise ValueError(f"Invalid time zone: {zone}") from None  # unverified
    found = _EXPRESSION.fullmatch(expression)
    if not found:
        raise ValueError(_SYNTAX)
    kind, inside = found[1], found[2].strip()
    if kind == "at":
        try:
            return At(datetime.strptime(inside, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=tz).timestamp())
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
        return Cron(inside, tz)
    except ValueError as error:
        raise ValueError(_NO_CRON.format(inside, error)) from None
