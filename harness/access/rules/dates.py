"""Points in time as policies and requests write them: W3C's profile of ISO 8601, or seconds since 1970.

Sources: IAM user guide, "Date condition operators"; W3C's note on date and time formats. Which digits and ranges IAM
takes is recorded in public test suites. That four digits are a year, and not seconds of 1970, is unverified.
"""

from __future__ import annotations

import re
from functools import lru_cache

_DATE = re.compile(
    r"(?P<year>-?\d{1,9})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?)?"
    r"(?:t(?:(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}(?:\.\d{1,9})?))?)?)?(?P<zone>z|[+-]\d\d(?::?\d\d)?)?)?"
)
_YEARS = range(-292275054, 292278994)  # what Java's dates can hold
_SECONDS = re.compile(r"\d{1,19}")
_LATEST_SECOND = 2**63 - 1
_A_YEAR = re.compile(r"\d{4}")


@lru_cache(4096)
def moment(text: str) -> float | None:
    """Seconds since 1970 of a point in time; None for a text that IAM does not take for one."""
    if _SECONDS.fullmatch(text) and not _A_YEAR.fullmatch(text):
        return float(text) if int(text) <= _LATEST_SECOND else None
    match = _DATE.fullmatch(text.lower())
    if match is None:
        return None
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    hour, minute, second = int(match["hour"] or 0), int(match["minute"] or 0), float(match["second"] or 0)
    offset = _offset(match["zone"] or "z")
    possible = year in _YEARS and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60
    if not possible or offset is None:
        return None
    return (_days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second - offset


def _offset(zone: str) -> int | None:
    """Seconds east of Greenwich; None for a zone that does not exist."""
    if zone == "z":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the proleptic Gregorian calendar; the years of datetime are too few."""
    # Years begin in March, so that the leap day is the last one.
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return era * 146097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719468
