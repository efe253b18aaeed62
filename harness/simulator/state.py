"""What a simulated run is at a moment, as the compiled functions have it: one record, and arrays that it points to.

Times are seconds of the requests' clock, from the traffic's beginning. Indices of slots, stations and variants are
places in their arrays; -1 is none.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.simulator.compiled import element, inlined

if TYPE_CHECKING:
    from typing_extensions import Buffer

Array = NDArray[Any]
State = Any
"""A record of STATE within compiled code."""
Record = Any
"""Another record within compiled code: reading and writing its members reads and writes the array."""


def _number(value: int) -> int:
    """A constant for compiled functions, which numba takes for any integer: of plain ones it compiles a function anew
    for each that it is called with."""
    return cast("int", np.int64(value))


# How a request may end, in the order of Outcome's failures; ANSWERED is well.
THROTTLED, QUEUE_FULL, MODEL_ERROR, INVOCATION_TIMEOUT, FUNCTION_TIMEOUT, CLIENT_TIMEOUT, ANSWERED = map(
    _number, range(7)
)
FAILURES = ("throttled", "queue_full", "model_error", "invocation_timeout", "function_timeout", "client_timeout")

# What an attempt in flight still is, as bits; without any it is over and its slot free.
EXECUTING = _number(1)  # its function runs
STARTING = _number(2)  # in an environment that has still to start
AT_SERVER = _number(4)  # the model server has it, in service or waiting
AWAITED = _number(8)  # and SageMaker waits for the answer
RETRYING = _number(16)  # it waits for its next attempt
LOST = _number(32)  # its instance was taken down while it was in service

# First in, first out: what comes a fixed time after whatever it follows. A function's call of the endpoint, its end
# after the endpoint's answer, and the timeouts.
LEAD, RETURN, INVOCATION_DEADLINE, FUNCTION_DEADLINE = map(_number, range(4))
RINGS = 4

# Allowances: of the account's requests, the reserved concurrency's, the provisioned concurrency's, new environments.
ACCOUNT, OWN, PROVISIONED_OWN, GROWTH = map(_number, range(4))
ALLOWANCES = 4

FIRST = _number(0)  # attempt
MORE, LESS = _number(1), _number(-1)  # by one

# Streams of draws.
ARRIVAL, VARIANT_CHOICE, ROUTING, SERVICE, FAILURE, JITTER = map(_number, range(6))
STREAMS = 6

_ADDRESSES = (
    "pieces",
    "slots",
    "heap",
    "rings",
    "allowances",
    "idle",
    "variants",
    "weights",
    "stations",
    "outstanding",
    "levels",
    "quantiles",
    "errors",
    "counts",
)

STATE = np.dtype(
    [
        ("keys", "u8", (STREAMS,)),
        # Arrivals: the next one's time and number; the piece of the traffic, its start in time and in arrivals.
        ("next_arrival", "f8"),
        ("number", "i8"),
        ("point", "f8"),
        ("piece", "i8"),
        ("pieces_size", "i8"),
        ("piece_begun", "f8"),
        ("piece_before", "f8"),
        # Events and slots.
        ("heap_size", "i8"),
        ("happening", "i8"),  # whether the heap's first event does
        ("slots_used", "i8"),
        ("slots_size", "i8"),
        ("free", "i8"),
        ("variants_size", "i8"),
        # The function. reserved: -1 where none is.
        ("has_function", "i8"),
        ("limit", "i8"),
        ("reserved", "i8"),
        ("allocated", "i8"),
        ("running", "i8"),
        ("on_demand", "i8"),
        ("provisioned_running", "i8"),
        ("idle_mask", "i8"),
        ("idle_head", "i8"),
        ("idle_tail", "i8"),
        ("idle_seconds", "f8"),
        ("lead", "f8"),
        ("trail", "f8"),
        ("cold_start", "f8"),
        ("function_timeout", "f8"),
        ("invocation_timeout", "f8"),
        # The client.
        ("client_timeout", "f8"),
        ("retries", "i8"),
        ("backoff", "f8"),
        # Counted from the beginning. failures: by how a request ended.
        ("failures", "i8", (len(FAILURES),)),
        ("errors_size", "i8"),
        ("requests", "i8"),
        ("succeeded", "i8"),
        ("throttles", "i8"),
        ("retried", "i8"),
        ("function_requests", "i8"),
        ("cold_starts", "i8"),
        ("function_seconds", "f8"),
        ("provisioned_seconds", "f8"),
        # Counted in this minute. Areas are integrals over time.
        ("invocations", "i8"),
        ("running_peak", "i8"),
        ("running_area", "f8"),
        ("running_since", "f8"),
        ("waiting", "i8"),
        ("waiting_area", "f8"),
        ("waiting_since", "f8"),
        # The datapoint of ProvisionedConcurrencyUtilization.
        ("utilization_sum", "f8"),
        ("utilization_count", "i8"),
        # Where the arrays begin.
        *((name, "i8") for name in _ADDRESSES),
    ],
    align=True,
)


def _ctype(dtype: np.dtype[Any]) -> Any:
    one = {"f8": ctypes.c_double, "i8": ctypes.c_int64, "u8": ctypes.c_uint64}[dtype.base.str[1:]]
    return one * dtype.shape[0] if dtype.shape else one


class _Members(ctypes.Structure):
    """STATE as Python has it: its members are Python's own numbers, ten times as fast as those of numpy's record."""

    _fields_ = [(name, _ctype(STATE[name])) for name in STATE.names or ()]


assert ctypes.sizeof(_Members) == STATE.itemsize

PIECE = np.dtype([("seconds", "f8"), ("start_rate", "f8"), ("end_rate", "f8"), ("expected", "f8")], align=True)

# All integers are of one width: compiled functions are compiled anew for each.
SLOT = np.dtype(
    [
        ("arrived", "f8"),  # the request
        ("attempted", "f8"),  # this attempt
        ("started", "f8"),  # its execution
        ("number", "i8"),
        ("attempt", "i8"),
        ("station", "i8"),
        ("variant", "i8"),
        ("next", "i8"),
        ("generation", "i8"),
        ("flags", "i8"),
        ("start", "i8"),
        ("result", "i8"),
    ],
    align=True,
)

EVENT = np.dtype([("time", "f8"), ("slot", "i8")], align=True)
TIMER = np.dtype([("time", "f8"), ("slot", "i8"), ("generation", "i8")], align=True)
# due: of its first timer, infinite without any; mask: its places, a power of two, less one; timers: an address.
RING = np.dtype([("due", "f8"), ("head", "i8"), ("tail", "i8"), ("mask", "i8"), ("timers", "i8")], align=True)
ALLOWANCE = np.dtype([("left", "f8"), ("limit", "f8"), ("per_second", "f8"), ("at", "f8")], align=True)

# An instance and its model server. area, changed, since: of requests in flight, as hosting.outstanding.
STATION = np.dtype(
    [
        ("in_service", "i8"),
        ("waiting", "i8"),
        ("head", "i8"),
        ("tail", "i8"),
        ("area", "f8"),
        ("changed", "f8"),
        ("since", "f8"),
    ],
    align=True,
)

# first: its first station; serving: how many take requests; level: where its service times begin among the levels.
# slowest: its longest service time; slowest_apart: that between two departures while all workers take so long.
# per_instance, arrived: InvocationsPerInstance and requests since last read.
VARIANT = np.dtype(
    [
        ("first", "i8"),
        ("serving", "i8"),
        ("workers", "i8"),
        ("queue_length", "i8"),
        ("least", "i8"),
        ("level", "i8"),
        ("error_rate", "f8"),
        ("slowest", "f8"),
        ("slowest_apart", "f8"),
        ("per_instance", "f8"),
        ("arrived", "i8"),
    ],
    align=True,
)

# Service times while so many are in service: which two tables of quantiles they lie between, and the second's share.
LEVEL = np.dtype([("low", "i8"), ("low_size", "i8"), ("high", "i8"), ("high_size", "i8"), ("share", "f8")], align=True)


@inlined
def slot_at(w: State, place: int) -> Record:
    return element(w.slots, place, SLOT)


@inlined
def event_at(w: State, place: int) -> Record:
    return element(w.heap, place, EVENT)


@inlined
def ring_at(w: State, which: int) -> Record:
    return element(w.rings, which, RING)


@inlined
def variant_at(w: State, index: int) -> Record:
    return element(w.variants, index, VARIANT)


@inlined
def station_at(w: State, place: int) -> Record:
    return element(w.stations, place, STATION)


class World:
    """The arrays of a run, of which ``state`` is the record, and ``now`` its members. outstanding: by station; weights:
    by variant; errors: by the minute in which their requests began; counts: of this minute's latencies; rings: RINGS of
    them."""

    def __init__(self, slots: int, idle: int, **arrays: Array) -> None:
        """slots, idle: powers of two; arrays: pieces, variants, weights, stations, levels, quantiles, errors and
        counts."""
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
        self.state = np.zeros(1, STATE)
        self.now: Any = _Members.from_buffer(cast("Buffer", self.state))
        self.now.free = -1
        self.now.idle_mask = idle - 1
        self.arrays["rings"]["due"] = np.inf
        for name in ("pieces", "variants", "errors"):
            setattr(self.now, f"{name}_size", len(arrays[name]))
        self._point()

    def _point(self) -> None:
        for name in _ADDRESSES:
            setattr(self.now, name, self.arrays[name].ctypes.data)
        self.now.slots_size = len(self.arrays["slots"])
        for ring, timers in zip(self.arrays["rings"], self._timers, strict=True):
            ring["timers"], ring["mask"] = timers.ctypes.data, len(timers) - 1

    def make_room(self, slots: int = 1) -> None:
        """Has room for so many more attempts in flight, and for twice as many as before."""
        size = len(self.arrays["slots"])
        while size < 2 * len(self.arrays["slots"]) or size < self.now.slots_used + slots:
            size *= 2
        self.arrays["slots"] = _longer(self.arrays["slots"], size)
        self.arrays["heap"] = _longer(self.arrays["heap"], size)
        for which, ring in enumerate(self.arrays["rings"]):
            timers, head, tail = self._timers[which], int(ring["head"]), int(ring["tail"])
            longer = np.zeros(2 * size, TIMER)
            longer[: tail - head] = timers[np.arange(head, tail) & (len(timers) - 1)]
            ring["head"], ring["tail"] = 0, tail - head
            self._timers[which] = longer
        self._point()


def _longer(array: Array, size: int) -> Array:
    longer = np.zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer
