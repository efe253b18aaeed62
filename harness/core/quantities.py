"""Reads rates, durations, shares and ratios as people write them on a command line."""

from __future__ import annotations

import math
import re

from harness.core.errors import HarnessError, shown

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*(?P<unit>ms|s|min|m|h|d)")
_RATE = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*/\s*(?P<unit>s|min|m|h|d)")
_SHARE = re.compile(r"(?P<number>\d+(\.\d*)?|\.\d+)\s*(?P<percent>%?)")


def parse_duration(text: str) -> float:
    """The seconds of ``1.5s``, ``300ms``, ``10min``, ``1h``, ``2d``. HarnessError for anything else, and for 0."""
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match["number"]) * _SECONDS[match["unit"]] if match else 0.0
    if not (seconds > 0 and math.isfinite(seconds)):
        raise HarnessError(
            f"{shown(text)} is not a time: give a number above 0 and a unit, such as 1.5s, 300ms, 10min or 1h."
        )
    return seconds


def parse_rate(text: str) -> float:
    """The requests a second of ``20/s``, ``1200/min``, ``5000/h``; 0 is a rate too. HarnessError for anything else."""
    match = _RATE.fullmatch(text.strip())
    rate = float(match["number"]) / _SECONDS[match["unit"]] if match else math.nan
    if not math.isfinite(rate):
        raise HarnessError(
            f"{shown(text)} is not a rate: give requests and a unit of time, such as 20/s, 1200/min or 5000/h."
        )
    return rate


def parse_share(text: str) -> float:
    """The share, 0 to 1, of ``0.1%`` or ``0.001``. HarnessError for anything else."""
    match = _SHARE.fullmatch(text.strip())
    share = float(match["number"]) / (100 if match["percent"] else 1) if match else math.nan
    if not 0 <= share <= 1:
        raise HarnessError(f"{shown(text)} is not a share of the requests: give 0% to 100%, such as 0.1%.")
    return share


def parse_ratio(text: str) -> tuple[str, float]:
    """The name and the number of ``ml.m5.xlarge=2.0``. HarnessError for anything else, and for a number not above 0."""
    name, equals, number = text.partition("=")
    try:
        ratio = float(number)
    except ValueError:
        ratio = math.nan
    if not (name and equals and math.isfinite(ratio) and ratio > 0):
        raise HarnessError(
            f"{shown(text)} is not a speed ratio: give an instance type and how many times as many requests a second "
            "it answers as the one that was measured, such as ml.m5.xlarge=2.0."
        )
    return name.strip(), ratio
