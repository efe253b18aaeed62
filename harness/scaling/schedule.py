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
_RATE = re.compile(r"([1-9]\d*)\s+(minute|hour|day)(s?)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


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

    Raises ValueError for an expression or a zone that is none.
    """
    try:
        tz = ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{zone} is no time zone") from None
    found = _EXPRESSION.fullmatch(expression)
    if not found:
        raise ValueError(f"{expression} is no at(...), rate(...) or cron(...)")
    kind, inside = found.groups()
    if kind == "at":
        return At(datetime.strptime(inside.strip(), "%Y-%m-%dT%H:%M:%S").replace(tzinfo=tz).timestamp())
    if kind == "rate":
        rate = _RATE.fullmatch(inside.strip())
        if not rate or (rate[1] == "1") == bool(rate[3]):
            raise ValueError(f"{inside} is no rate")
        seconds = _SECONDS[rate[2]] * int(rate[1])
        return Rate(seconds, created + seconds)
    return Cron(inside, tz)
