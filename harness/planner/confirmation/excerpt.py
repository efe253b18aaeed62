"""Chooses the part of the traffic that a live run has time for: the steepest, where the settings have most to do."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.load.schedule import Schedule
from harness.load.traffic import Traffic, bins, excerpt

_RISE_MINUTES = 5
_BEFORE = 0.25  # the part of the excerpt that lies before the rise


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of the traffic, as it is sent.

    schedule: in wall-clock seconds. start: where it begins, in seconds of the traffic. clock: the same moment on the
    clock of scheduled capacity. share: the share of the requests that is sent; below 1 if the machine cannot send them
    all.
    """

    schedule: Schedule
    start: float
    clock: float
    share: float


def choose(traffic: Traffic, seconds: float, speed: float, most: float) -> Excerpt:
    """An excerpt of ``seconds`` wall-clock seconds, in which ``speed`` times as many seconds of the traffic pass.

    most: the most requests a second that can be sent.
    """
    whole = traffic.schedule
    length = min(seconds * speed, whole.seconds)
    start = min(max(0.0, _steepest(whole) - _BEFORE * length), whole.seconds - length)
    part = excerpt(whole, start, length)
    if part is None:  # it has no requests, as before a rise from nothing
        start, part = 0.0, whole
    share = min(1.0, most / part.peak)
    return Excerpt(part.scaled(rate=share, time=1 / speed), start, traffic.clock + start, share)


def _steepest(schedule: Schedule) -> float:
    """The second at which the rate begins to rise most within five minutes.

    Of several such seconds it is the last, immediately before the rise.
    """
    minutes = bins(schedule, 60.0)
    gap = min(_RISE_MINUTES, len(minutes) - 1)
    if not gap:
        return 0.0
    rises = minutes[gap:] - minutes[:-gap]
    return 60.0 * float(np.flatnonzero(rises >= rises.max() - 1e-9)[-1])
