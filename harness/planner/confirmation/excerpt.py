"""The part of the traffic that a live run has time for: the steepest, for there the settings have most to do. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.load.schedule import Schedule
from harness.load.traffic import Traffic, bins, excerpt

_RISE_MINUTES = 5
_BEFORE = 0.25  # of the excerpt lie before the rise


@dataclass(frozen=True, slots=True)
class Excerpt:
    """schedule: as it is sent, in seconds of the wall; start: of the traffic, in its own; clock: that on the clock of
    scheduled capacity. share: of the traffic's requests that are sent, where not all can be."""

    schedule: Schedule
    start: float
    clock: float
    share: float


def choose(traffic: Traffic, seconds: float, speed: float, most: float) -> Excerpt:
    """So many seconds of the wall, in which ``speed`` times as many of the traffic pass. most: requests a second."""
    whole = traffic.schedule
    length = min(seconds * speed, whole.seconds)
    start = min(max(0.0, _steepest(whole) - _BEFORE * length), whole.seconds - length)
    part = excerpt(whole, start, length)
    if part is None:  # a rise from nothing comes at the end of it
        start, part = 0.0, whole
    share = min(1.0, most / part.peak)
    return Excerpt(part.scaled(rate=share, time=1 / speed), start, traffic.clock + start, share)


def _steepest(schedule: Schedule) -> float:
    """The second at which the rate begins to rise most within five minutes; of several the last, after which it comes
    at once."""
    minutes = bins(schedule, 60.0)
    gap = min(_RISE_MINUTES, len(minutes) - 1)
    if not gap:
        return 0.0
    rises = minutes[gap:] - minutes[:-gap]
    return 60.0 * float(np.flatnonzero(rises >= rises.max() - 1e-9)[-1])
