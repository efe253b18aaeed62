"""The state of a simulated run, as the compiled functions see it: one record, and the arrays that it points to.

Times are seconds of the requests' clock from the beginning of the traffic. Slots, stations and variants are named by
their indices in their arrays; -1 stands for none.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.simulator.compiled import element, inlined

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

ADDRESSES = (  # the members of STATE that point to arrays
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
        *((name, "i8") for name in ADDRESSES),
    ],
    align=True,
)


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
