"""Buckets of latencies: 128 an octave, each at most 0.8 % wide, the same for every run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.simulator.compiled import compiled, entry
from harness.simulator.outcome import Floats
from harness.simulator.state import Array

_LOWEST, _OCTAVES = -20, 36
"""From about a microsecond (2 to the -20th of a second) to 18 hours; what lies outside is in the outermost bucket."""
_PARTS = 128
BUCKETS = _OCTAVES * _PARTS
_SHIFT = 52 - 7  # of a float64's bits, so that its exponent and the highest 7 of its mantissa are left
_FIRST = (1023 + _LOWEST) * _PARTS  # those of 2 to the lowest


def edges() -> Floats:
    """BUCKETS + 1 bounds, seconds; a bucket includes its lower one."""
    octaves = 2.0 ** np.arange(_LOWEST, _LOWEST + _OCTAVES)
    inside = 1.0 + np.arange(_PARTS) / _PARTS
    found = np.append((octaves[:, None] * inside).ravel(), 2.0 ** (_LOWEST + _OCTAVES))
    found[0] = 0.0
    return found


@compiled
def bucket(seconds: float) -> int:
    """The bucket of a latency: buckets follow each other as the bits of a float64 do."""
    bits: Any = np.float64(seconds).view(np.int64)
    place: int = (bits >> _SHIFT) - _FIRST
    return min(max(place, 0), BUCKETS - 1)


@entry
def take(counts: Array, total: Array) -> tuple[int, int]:
    """Adds the counts to those of all and leaves none; the buckets of p50 and p99, as Latencies.percentile finds them,
    -1 without any."""
    number = 0
    for count in counts:
        number += count
    half, most = math.ceil(0.5 * number), math.ceil(0.99 * number)
    p50 = p99 = -1
    upto = 0
    for place in range(len(counts)):
        count = counts[place]
        if count > 0:
            if upto < half:
                p50 = place
            if upto < most:
                p99 = place
            upto += count
            total[place] += count
            counts[place] = 0
    return p50, p99
