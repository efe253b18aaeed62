"""What a simulated run is at a moment, as the compiled functions have it: a few arrays of records.

Times are seconds of the requests' clock, from the traffic's beginning. Indices of slots, instances and variants are
places in their arrays; -1 is none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# How a request may end, in the order of Outcome's failures; ANSWERED is well.
THROTTLED, QUEUE_FULL, MODEL_ERROR, INVOCATION_TIMEOUT, FUNCTION_TIMEOUT, CLIENT_TIMEOUT, ANSWERED = range(7)
FAILURES = ("throttled", "queue_full", "model_error", "invocation_timeout", "function_timeout", "client_timeout")

# What an attempt in flight still is, as bits; without any it is over and its slot free.
EXECUTING = 1  # its function runs
AT_SERVER = 2  # the model server has it, in service or waiting
AWAITED = 4  # and SageMaker waits for the answer
RETRYING = 8  # it waits for its next attempt
LOST = 16  # its instance was taken down while it was in service

# First in, first out: events that all come a fixed time after the one before them.
WARM, COLD, RETURN, INVOCATION_DEADLINE, FUNCTION_DEADLINE = range(5)

# Allowances: of the account's requests, the reserved concurrency's, the provisioned concurrency's, new environments.
ACCOUNT, OWN, PROVISIONED_OWN, GROWTH = range(4)

STATE = np.dtype(
    [
        # Arrivals: the next one's time and number; the piece of the traffic, its start in time and in arrivals.
        ("next_arrival", "f8"),
        ("number", "i8"),
        ("point", "f8"),
        ("piece", "i8"),
        ("piece_begun", "f8"),
        ("piece_before", "f8"),
        # Events and slots.
        ("heap_size", "i8"),
        ("order", "i8"),
        ("slots_used", "i8"),
        ("free", "i8"),
        # The function. reserved: -1 where none is.
        ("has_function", "i8"),
        ("limit", "i8"),
        ("reserved", "i8"),
        ("allocated", "i8"),
        ("running", "i8"),
        ("on_demand", "i8"),
        ("provisioned_running", "i8"),
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
        # Counted from the beginning.
        ("requests", "i8"),
        ("succeeded", "i8"),
        ("throttles", "i8"),
        ("retried", "i8"),
        ("function_requests", "i8"),
        ("cold_starts", "i8"),
        ("function_seconds", "f8"),
        ("provisioned_seconds", "f8"),
        # Counted in this minute.
        ("arrivals", "i8"),
        ("invocations", "i8"),
        ("minute_throttles", "i8"),
        ("running_peak", "i8"),
        ("running_area", "f8"),
        ("running_since", "f8"),
        ("waiting", "i8"),
        ("waiting_area", "f8"),
        ("waiting_since", "f8"),
        # The datapoint of ProvisionedConcurrencyUtilization.
        ("utilization_sum", "f8"),
        ("utilization_count", "i8"),
    ],
    align=True,
)

SLOT = np.dtype(
    [
        ("arrived", "f8"),  # the request
        ("attempted", "f8"),  # this attempt
        ("started", "f8"),  # its execution
        ("number", "i8"),
        ("attempt", "i4"),
        ("instance", "i4"),
        ("variant", "i4"),
        ("next", "i4"),
        ("generation", "i4"),
        ("flags", "i2"),
        ("start", "i1"),
        ("result", "i1"),
    ],
    align=True,
)

EVENT = np.dtype([("time", "f8"), ("order", "i8"), ("slot", "i8")], align=True)
TIMER = np.dtype([("time", "f8"), ("slot", "i4"), ("generation", "i4")], align=True)
ALLOWANCE = np.dtype([("left", "f8"), ("limit", "f8"), ("per_second", "f8"), ("at", "f8")], align=True)

INSTANCE = np.dtype(
    [
        ("in_service", "i4"),
        ("waiting", "i4"),
        ("head", "i4"),
        ("tail", "i4"),
        ("area", "f8"),
        ("changed", "f8"),
        ("since", "f8"),
    ],
    align=True,
)

# first: its first instance; serving: how many take requests; level: where its service times begin among the levels.
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
        ("per_instance", "f8"),
        ("arrived", "i8"),
    ],
    align=True,
)

# Service times while so many are in service: which two tables of quantiles they lie between, and the second's share.
LEVEL = np.dtype([("low", "i8"), ("low_end", "i8"), ("high", "i8"), ("high_end", "i8"), ("share", "f8")], align=True)

# A minute's figures, as outcome.Series has them.
MINUTE = np.dtype(
    [
        ("arrivals", "f8"),
        ("invocations", "f8"),
        ("throttles", "f8"),
        ("p50", "f8"),
        ("p99", "f8"),
        ("queued", "f8"),
        ("concurrency", "f8"),
        ("concurrency_peak", "f8"),
    ],
    align=True,
)

Array = NDArray[Any]


class World(NamedTuple):
    """A run's state. pieces: of the traffic: seconds, first rate, last rate, arrivals. errors: by the minute in which
    their requests began; counts: of latencies, all and this minute's. outstanding: by instance. weights: by variant."""

    state: Array
    keys: Array
    pieces: Array
    slots: Array
    heap: Array
    warm: Array
    cold: Array
    back: Array
    invocation_deadlines: Array
    function_deadlines: Array
    ends: Array
    allowances: Array
    idle: Array
    variants: Array
    weights: Array
    instances: Array
    outstanding: Array
    levels: Array
    quantiles: Array
    failures: Array
    errors: Array
    counts: Array
    minute_counts: Array
    edges: Array
    minutes: Array
