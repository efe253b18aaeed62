"""Buckets of latencies: 128 an octave, each at most 0.8 % wide, the same for every run."""

from __future__ import annotations

import math

import numpy as np

from harness.capacity.outcome import Floats
from harness.capacity.simulator.compiled import compiled
from harness.capacity.simulator.state import Array

_LOWEST, _OCTAVES = -20, 36
"""From about a microsecond (2 to the -20th of a second) to 18 hours; what lies outside is in the outermost bucket."""
_PARTS = 128
BUCKETS = _OCTAVES * _PARTS


def edges() -> Floats:
    """BUCKETS + 1 bounds, seconds; a bucket includes its lower one."""
    octaves = 2.0 ** np.arange(_LOWEST, _LOWEST + _OCTAVES)
    inside = 1.0 + np.arange(_PARTS) / _PARTS
    found = np.append((octaves[:, None] * inside).ravel(), 2.0 ** (_LOWEST + _OCTAVES))
    found[0] = 0.0
    return found


@compiled
def bucket(seconds: float) -> int:
    """The bucket of a latency."""
    mantissa, exponent = math.frexp(seconds)
    # A mantissa is from a half up to 1.
    place = (exponent - 1 - _LOWEST) * _PARTS + int((mantissa - 0.5) * (2 * _PARTS))
    return min(max(place, 0), BUCKETS - 1)


@compiled
def rank(counts: Array, number: int) -> int:
    """The bucket of the ``number``-th smallest latency, from 1."""
    seen = 0
    for place in range(len(counts)):
        seen += counts[place]
        if seen >= number:
            return place
    return len(counts) - 1
