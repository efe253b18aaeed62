"""Windows of a long traffic that stand for the whole: the busiest, the steepest, and a sample of the others.

The busiest and the steepest decide whether settings hold, so they are always included and stand for themselves. The
others are sampled by their rate, and each stands for its stratum (Cochran, Sampling Techniques, chapter 5).
"""

from __future__ import annotations

import math
import random
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.load.traffic import Traffic, bins, excerpt
from harness.planner.search.replication import Window

WINDOW = 3600.0  # seconds: longer than the 25 minutes that a scale-in takes (re:Post)
_SHORTEST = 900.0
_GAP = 5  # minutes
# The most requests and seconds of virtual time that a screening run simulates; shorter traffic is taken whole.
SCREENED_REQUESTS = 600_000
SCREENED_SECONDS = 6 * WINDOW
SCREENED_STRATA = 3
# The same for the runs whose figures a plan prints.
FINAL_REQUESTS = 12_000_000
FINAL_STRATA = 22


def final(traffic: Traffic, seed: int) -> tuple[Window, ...]:
    """The traffic itself; for a very large number of requests, a sample of windows that last a day together."""
    if traffic.schedule.expected <= FINAL_REQUESTS:
        return whole(traffic)
    return _sample(traffic, seed, FINAL_REQUESTS, FINAL_STRATA)


def screened(traffic: Traffic, seed: int) -> tuple[Window, ...]:
    """The traffic itself if it is short, else a few windows of at most an hour each."""
    if traffic.schedule.expected <= SCREENED_REQUESTS and traffic.schedule.seconds <= SCREENED_SECONDS:
        return whole(traffic)
    return _sample(traffic, seed, SCREENED_REQUESTS, SCREENED_STRATA)


def whole(traffic: Traffic) -> tuple[Window, ...]:
    """The traffic itself, as a single window."""
    return (Window(traffic.schedule, start=traffic.clock),)


def _sample(traffic: Traffic, seed: int, requests: int, strata: int) -> tuple[Window, ...]:
    """The two extremes and one window of each stratum; shorter than an hour if that is too many requests."""
    schedule = traffic.schedule
    busy = float(bins(schedule, WINDOW).max()) * WINDOW * (2 + strata)
    length = WINDOW if busy <= requests else max(_SHORTEST, math.floor(WINDOW * requests / busy / 60) * 60)
    minutes = bins(schedule, 60.0)
    edges = _edges(schedule.seconds, length, 60.0 * _steepest(minutes))
    parts = [minutes[int(start // 60) : math.ceil(end / 60)] for start, end in pairwise(edges)]
    extremes = {_last_maximum([_rise(part) for part in parts]), _last_maximum([float(part.max()) for part in parts])}
    stands_for = {index: edges[index + 1] - edges[index] for index in extremes}
    others = sorted((index for index in range(len(parts)) if index not in extremes), key=lambda n: parts[n].mean())
    draws = random.Random(seed)  # noqa: S311 - a sample, no secret
    for stratum in np.array_split(np.array(others, dtype=int), strata):
        if len(stratum):
            seconds = sum(edges[index + 1] - edges[index] for index in stratum)
            stands_for[int(stratum[draws.randrange(len(stratum))])] = seconds
    windows = []
    for index, seconds in sorted(stands_for.items()):
        start, own = edges[index], edges[index + 1] - edges[index]
        part = excerpt(schedule, start, own)
        if part is not None:
            windows.append(Window(part, seconds / own, traffic.clock + start, whole=False))
    return tuple(windows)


def _edges(seconds: float, length: float, steepest: float) -> list[float]:
    """The seconds at which windows begin and end, such that the steepest rise comes after a third of its window:
    settings have to meet it in the state that the quieter time before it left."""
    first = math.floor((steepest - length / 3) % length / 60) * 60.0
    inner = np.arange(first if first > 0 else length, seconds - 60.0, length)
    return [0.0, *(float(edge) for edge in inner), seconds]


def _steepest(minutes: NDArray[np.float64]) -> int:
    """The minute after which the rate rises most within five minutes, faster than the alarms react."""
    gap = min(_GAP, len(minutes) - 1)
    return int(np.argmax(minutes[gap:] - minutes[:-gap])) if gap else 0


def _rise(minutes: NDArray[np.float64]) -> float:
    """By how much the rate rises at most within five minutes."""
    gap = min(_GAP, len(minutes) - 1)
    return float((minutes[gap:] - minutes[:-gap]).max()) if gap else 0.0


def _last_maximum(values: list[float]) -> int:
    """Index of the last maximum: a part after the first one has a rise before it."""
    return len(values) - 1 - int(np.argmax(values[::-1]))
