"""The state of a simulated run, as the compiled functions see it: one record, and the arrays that it points to.

Times are seconds of the requests' clock from the beginning of the traffic. Slots, stations and variants are named by
their indices in their arrays; -1 is none.
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
StateRecord = Any
"""A record of STATE in compiled code."""
Record = Any
"""Any other record in compiled code. Reading and writing its members reads and writes the array."""


def _number(value: int) -> int:
    """Makes a constant for compiled functions. numba compiles a function anew for each plain integer that it is called
    with, but only once for all numpy integers."""
    return cast("int", np.int64(value))


# How a request may end. The failures come first, in the order of FAILURES; ANSWERED is success.
THROTTLED, QUEUE_FULL, MODEL_ERROR, INVOCATION_TIMEOUT, FUNCTION_TIMEOUT, CLIENT_TIMEOUT, ANSWERED = map(
    _number, range(7)
)
FAILURES = ("throttled", "queue_full", "model_error", "invocation_timeout", "function_timeout", "client_timeout")

# What an attempt in flight still does, as bits. Without any bit it is over and its slot is free.
EXECUTING = _number(1)  # its function runs, or it was sent to the endpoint directly
STARTING = _number(2)  # its environment is still starting
AT_SERVER = _number(4)  # the model server has it, in service or waiting
AWAITED = _number(8)  # SageMaker waits for the model server's answer
RETRYING = _number(16)  # its caller waits before trying again
LOST = _number(32)  # its instance was taken down while it was in service

# Rings of timers, first in, first out: each timer comes a fixed time after its cause. They are for a function's call
# of the endpoint, its end after the endpoint's answer, and the two timeouts.
LEAD, RETURN, INVOCATION_DEADLINE, FUNCTION_DEADLINE = map(_number, range(4))
RINGS = 4

# Allowances: requests of the account, of the reserved and of the provisioned concurrency, and new environments.
ACCOUNT, OWN, PROVISIONED_OWN, GROWTH = map(_number, range(4))
ALLOWANCES = 4

FIRST = _number(0)  # attempt
MORE, LESS = _number(1), _number(-1)  # changes of a count

# Streams of random draws.
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
        # Arrivals: the time and number of the next one; the current piece of the traffic, and its start in seconds
        # and in expected arrivals.
        ("next_arrival", "f8"),
        ("number", "i8"),
        ("point", "f8"),
        ("piece", "i8"),
        ("pieces_size", "i8"),
        ("piece_begun", "f8"),
        ("piece_before", "f8"),
        # Events and slots.
        ("heap_size", "i8"),
        ("happening", "i8"),  # whether the heap's first event is being carried out
        ("slots_used", "i8"),
        ("slots_size", "i8"),
        ("free", "i8"),
        ("variants_size", "i8"),
        # The function. reserved: -1 if no concurrency is reserved.
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
        # Counted from the beginning of the run. failures: by how a request ended.
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
        # Counted in the current minute. Areas are integrals over time.
        ("invocations", "i8"),
        ("running_peak", "i8"),
        ("running_area", "f8"),
        ("running_since", "f8"),
        ("waiting", "i8"),
        ("waiting_area", "f8"),
        ("waiting_since", "f8"),
        # The current datapoint of ProvisionedConcurrencyUtilization.
        ("utilization_sum", "f8"),
        ("utilization_count", "i8"),
        # Where the arrays begin.
        *((name, "i8") for name in _ADDRESSES),
    ],
    align=True,
)


def _ctype(dtype: np.dtype[Any]) -> Any:
    member = {"f8": ctypes.c_double, "i8": ctypes.c_int64, "u8": ctypes.c_uint64}[dtype.base.str[1:]]
    return member * dtype.shape[0] if dtype.shape else member


class _Members(ctypes.Structure):
    """STATE for Python code: its members are Python's own numbers, ten times as fast as those of numpy's record."""

    _fields_ = [(name, _ctype(STATE[name])) for name in STATE.names or ()]


assert ctypes.sizeof(_Members) == STATE.itemsize

PIECE = np.dtype([("seconds", "f8"), ("start_rate", "f8"), ("end_rate", "f8"), ("expected", "f8")], align=True)

# All integers have the same width, because functions are compiled anew for each width.
SLOT = np.dtype(
    [
        ("arrived", "f8"),  # when the request arrived
        ("attempted", "f8"),  # when this attempt began
        ("started", "f8"),  # when its execution began
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
# due: the time of its first timer; infinity without any. mask: the number of its places, a power of two, less one.
# timers: the address of its timers.
RING = np.dtype([("due", "f8"), ("head", "i8"), ("tail", "i8"), ("mask", "i8"), ("timers", "i8")], align=True)
ALLOWANCE = np.dtype([("left", "f8"), ("limit", "f8"), ("per_second", "f8"), ("at", "f8")], align=True)

# An instance and its model server. area, changed, since: for the mean number of requests in flight, as in
# hosting.rules.outstanding.
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

# first: its first station. serving: how many of its stations take requests. level: its first level.
# slowest: the longest service time. slowest_apart: the time between two departures when all workers take that long.
# per_instance, arrived: InvocationsPerInstance and requests since they were last read.
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

# The service times at a number of requests in service: the two tables of quantiles that they lie between, and the share
# of the second one.
LEVEL = np.dtype([("low", "i8"), ("low_size", "i8"), ("high", "i8"), ("high_size", "i8"), ("share", "f8")], align=True)


@inlined
def slot_at(state: StateRecord, place: int) -> Record:
    return element(state.slots, place, SLOT)


@inlined
def event_at(state: StateRecord, place: int) -> Record:
    return element(state.heap, place, EVENT)


@inlined
def ring_at(state: StateRecord, which: int) -> Record:
    return element(state.rings, which, RING)


@inlined
def variant_at(state: StateRecord, index: int) -> Record:
    return element(state.variants, index, VARIANT)


@inlined
def station_at(state: StateRecord, place: int) -> Record:
    return element(state.stations, place, STATION)


class KernelState:
    """The state of a run with all its arrays.

    record: the record that compiled functions take. members: the same record for Python code.
    arrays: by name. ``outstanding`` is by station, ``weights`` by variant, ``errors`` by the minute in which the
    requests began; ``counts`` are the current minute's latencies.
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
        self.record = np.zeros(1, STATE)
        self.members: Any = _Members.from_buffer(cast("Buffer", self.record))
        self.members.free = -1
        self.members.idle_mask = idle - 1
        self.arrays["rings"]["due"] = np.inf
        for name in ("pieces", "variants", "errors"):
            setattr(self.members, f"{name}_size", len(arrays[name]))
        self._point()

    def _point(self) -> None:
        for name in _ADDRESSES:
            setattr(self.members, name, self.arrays[name].ctypes.data)
        self.members.slots_size = len(self.arrays["slots"])
        for ring, timers in zip(self.arrays["rings"], self._timers, strict=True):
            ring["timers"], ring["mask"] = timers.ctypes.data, len(timers) - 1

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
