"""The buckets of latencies: 128 per octave, each at most 0.8 % wide, the same for every run."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.simulator.compiled import compiled, entry
from harness.simulator.outcome import Floats
from harness.simulator.state import Array

_LOWEST, _OCTAVES = -20, 36
"""From about a microsecond (2 to the power of -20 seconds) to 18 hours. The outermost buckets take the rest."""
_PARTS = 128
BUCKETS = _OCTAVES * _PARTS
_SHIFT = 52 - 7  # leaves a float64's exponent and the highest 7 bits of its mantissa
_FIRST = (1023 + _LOWEST) * _PARTS  # the shifted bits of the lowest bound


def edges() -> Floats:
    """Returns the BUCKETS + 1 bounds in seconds. A bucket includes its lower bound."""
    octaves = 2.0 ** np.arange(_LOWEST, _LOWEST + _OCTAVES)
    inside = 1.0 + np.arange(_PARTS) / _PARTS
    bounds = np.append((octaves[:, None] * inside).ravel(), 2.0 ** (_LOWEST + _OCTAVES))
    bounds[0] = 0.0
    return bounds


@compiled
def bucket(seconds: float) -> int:
    """Returns the bucket of a latency. The buckets are in the order of the bits of a float64."""
    bits: Any = np.float64(seconds).view(np.int64)
    place: int = (bits >> _SHIFT) - _FIRST
    return min(max(place, 0), BUCKETS - 1)


@entry
def take(counts: Array, total: Array) -> tuple[int, int]:
    """Moves the counts into ``total``, and returns the buckets of their p50 and p99.

    The buckets are those that Latencies.percentile finds; -1 if there are no counts.
    """
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
