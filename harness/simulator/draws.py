"""Random draws that belong to a request, not to a moment: a request meets the same draws whatever the settings are.

Each draw is a counter run through the finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). That is the
generator itself with its state known beforehand: the request's number times the golden ratio, from a start that each
stream has of its own.
"""

from __future__ import annotations

import numpy as np

from harness.simulator.compiled import compiled
from harness.simulator.state import ARRIVAL, STREAMS, Array, StateRecord

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
def draw(state: StateRecord, stream: int, number: int, attempt: int) -> float:
    """Returns a draw that is uniform in [0, 1). number: the request's number. attempt: 0 for its first attempt."""
    value = state.keys[stream] + np.uint64(number) * _GOLDEN + np.uint64(attempt) * _ATTEMPT
    return float(_mixed(value) >> _11) * _UNIT


def keys(seed: int, arrivals: int | None = None) -> Array:
    """Returns the start of each stream. arrivals: a seed for the stream of arrivals, if it has one of its own."""
    starts: Array = np.random.SeedSequence(seed).generate_state(STREAMS, np.uint64)
    if arrivals is not None:
        starts[ARRIVAL] = keys(arrivals)[ARRIVAL]
    return starts
