"""Random draws that belong to a request, not to the moment: whatever the settings, a request meets the same ones.

Each is a counter run through SplitMix64's finalizer (Steele, Lea and Flood, OOPSLA 2014), which is that generator with
its state known beforehand: the request's number times the golden ratio, from a start of each stream's own.
"""

from __future__ import annotations

import numpy as np

from harness.simulator.compiled import compiled
from harness.simulator.state import ARRIVAL, STREAMS, Array, State

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_ATTEMPT = np.uint64(0xD1342543DE82EF95)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT = 2.0**-53


@compiled
def _mixed(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> _30)) * _FIRST
    value = (value ^ (value >> _27)) * _SECOND
    return value ^ (value >> _31)


@compiled
def draw(w: State, stream: int, number: int, attempt: int) -> float:
    """Uniform in [0, 1). number: the request's; attempt: 0 for its first."""
    value = w.keys[stream] + np.uint64(number) * _GOLDEN + np.uint64(attempt) * _ATTEMPT
    return float(_mixed(value) >> _11) * _UNIT


def keys(seed: int, arrivals: int | None = None) -> Array:
    """Each stream's start. arrivals: the seed of that stream, where it is another."""
    found: Array = np.random.SeedSequence(seed).generate_state(STREAMS, np.uint64)
    if arrivals is not None:
        found[ARRIVAL] = keys(arrivals)[ARRIVAL]
    return found
