"""The state of a run as Python code holds it: the record of state.py with all the arrays that the record points to."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from harness.simulator import kernel
from harness.simulator.state import ADDRESSES, ALLOWANCE, ALLOWANCES, EVENT, RING, RINGS, SLOT, STATE, TIMER, Array

if TYPE_CHECKING:
    from typing_extensions import Buffer


def _ctype(dtype: np.dtype[Any]) -> Any:
    member = {"f8": ctypes.c_double, "i8": ctypes.c_int64, "u8": ctypes.c_uint64}[dtype.base.str[1:]]
    return member * dtype.shape[0] if dtype.shape else member


class _Members(ctypes.Structure):
    """STATE for Python code: its members are Python's own numbers, ten times as fast as those of numpy's record."""

    _fields_ = [(name, _ctype(STATE[name])) for name in STATE.names or ()]


assert ctypes.sizeof(_Members) == STATE.itemsize


class KernelState:
    """The state of a run with all its arrays, and what compiled functions do with it.

    Compiled functions take a record that has only the addresses of the arrays. It is never handed out: whoever holds a
    state holds its arrays too, so that no address outlives what it points to.

    members: the record for Python code. arrays: by name. ``outstanding`` is by station, ``weights`` by variant,
    ``errors`` by the minute in which the requests began; ``counts`` are the current minute's latencies.
    """

    def __init__(self, slots: int, idle: int, **arrays: Array) -> None:
        """slots: room for attempts in flight. idle: room for idle environments. Both are powers of two.

        arrays: pieces, variants, weights, stations, levels, quantiles, errors and counts.
        """
        self.arrays: dict[str, Array] = {
            **arrays,
            "slots": np.zeros(slots, SLOT),
            "heap": np.zeros(slots, EVENT),
            "rings": np.zeros(RINGS, RING),
            "allowances": np.zeros(ALLOWANCES, ALLOWANCE),
            "idle": np.zeros(idle),
            "outstanding": np.zeros(len(arrays["stations"]), np.int64),
        }
        self._timers = [np.zeros(2 * slots, TIMER) for _ in range(RINGS)]
        self._record = np.zeros(1, STATE)
        self.members: Any = _Members.from_buffer(cast("Buffer", self._record))
        self.members.free = -1
        self.members.idle_mask = idle - 1
        self.arrays["rings"]["due"] = np.inf
        for name in ("pieces", "variants", "errors"):
            setattr(self.members, f"{name}_size", len(arrays[name]))
        self._point()

    def _point(self) -> None:
        for name in ADDRESSES:
            setattr(self.members, name, self.arrays[name].ctypes.data)
        self.members.slots_size = len(self.arrays["slots"])
        for ring, timers in zip(self.arrays["rings"], self._timers, strict=True):
            ring["timers"], ring["mask"] = timers.ctypes.data, len(timers) - 1

    # ---- compiled

    def advance(self, until: float) -> None:
        """Simulates everything before ``until``, with as much room as that takes."""
        while not kernel.advance(self._record, until):
            self.make_room()

    def arrive(self) -> float:
        """When the next request arrives; infinity after the last one. For a run that is not advanced otherwise."""
        return float(kernel.arrive(self._record))

    def take_down_stations(self, first: int, end: int, now: float) -> None:
        """Takes down the instances from ``first`` up to ``end``, with the requests that they have."""
        kernel.take_down_stations(self._record, first, end, now)

    def make_room(self, slots: int = 1) -> None:
        """Makes room for ``slots`` more attempts in flight, and for at least twice as many as before."""
        size = len(self.arrays["slots"])
        while size < 2 * len(self.arrays["slots"]) or size < self.members.slots_used + slots:
            size *= 2
        self.arrays["slots"] = _extended(self.arrays["slots"], size)
        self.arrays["heap"] = _extended(self.arrays["heap"], size)
        for which, ring in enumerate(self.arrays["rings"]):
            timers, head, tail = self._timers[which], int(ring["head"]), int(ring["tail"])
            longer = np.zeros(2 * size, TIMER)
            longer[: tail - head] = timers[np.arange(head, tail) & (len(timers) - 1)]
            ring["head"], ring["tail"] = 0, tail - head
            self._timers[which] = longer
        self._point()


def _extended(array: Array, size: int) -> Array:
    longer = np.zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer
