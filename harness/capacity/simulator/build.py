"""A run's state at its beginning, from what is set, measured and expected."""

from __future__ import annotations

import math

import numpy as np

from harness.capacity.settings import Settings, VariantSettings
from harness.capacity.simulator import draws, latencies, state
from harness.capacity.simulator.client import MINUTE
from harness.capacity.simulator.state import Array, World
from harness.capacity.system import System
from harness.functions.concurrency import (
    ACCOUNT_LIMIT,
    IDLE_SECONDS,
    REQUESTS_PER_CONCURRENCY,
    SCALING_SECONDS,
    SCALING_STEP,
)
from harness.load.schedule import Profile as Traffic
from harness.profile import Profile

_SLOTS = 4096
_NEVER = 1e18  # seconds: the function's timeout where there is no function


def world(settings: Settings, system: System, traffic: Traffic, seed: int) -> World:
    """As deployed: every initial instance serves, and provisioned concurrency is allocated."""
    places = [_most(variant) for variant in settings.variants]
    profiles = [system.profiles[variant.instance_type] for variant in settings.variants]
    levels, quantiles, firsts = _service_times(profiles)
    minutes = max(1, math.ceil(traffic.seconds / MINUTE - 1e-9))
    variants = np.zeros(len(places), state.VARIANT)
    first = 0
    for record, variant, profile, level, most in zip(
        variants, settings.variants, profiles, firsts, places, strict=True
    ):
        record["first"], record["serving"], record["level"] = first, variant.initial_instance_count, level
        record["workers"], record["queue_length"] = profile.workers, profile.queue_length
        record["error_rate"] = profile.error_rate
        record["least"] = variant.routing_strategy == "LEAST_OUTSTANDING_REQUESTS"
        first += most
    return World(
        state=_state(settings, system),
        keys=draws.keys(seed),
        pieces=np.array([(one.seconds, one.start_rate, one.end_rate, one.expected) for one in traffic.pieces]),
        slots=np.zeros(_SLOTS, state.SLOT),
        heap=np.zeros(_SLOTS, state.EVENT),
        warm=np.zeros(_power(ACCOUNT_LIMIT), state.TIMER),
        cold=np.zeros(_power(ACCOUNT_LIMIT), state.TIMER),
        back=np.zeros(2 * _power(ACCOUNT_LIMIT), state.TIMER),
        invocation_deadlines=np.zeros(2 * _SLOTS, state.TIMER),
        function_deadlines=np.zeros(2 * _SLOTS, state.TIMER),
        ends=np.zeros((5, 2), np.int64),
        allowances=_allowances(settings),
        idle=np.zeros(_power(ACCOUNT_LIMIT)),
        variants=variants,
        weights=np.array([variant.initial_variant_weight for variant in settings.variants]),
        instances=np.zeros(first, state.INSTANCE),
        outstanding=np.zeros(first, np.int64),
        levels=levels,
        quantiles=quantiles,
        failures=np.zeros(len(state.FAILURES), np.int64),
        errors=np.zeros(minutes, np.int64),
        counts=np.zeros(latencies.BUCKETS, np.int64),
        minute_counts=np.zeros(latencies.BUCKETS, np.int64),
        edges=latencies.edges(),
        minutes=np.zeros(minutes, state.MINUTE),
    )


def enlarged(w: World, slots: int = 0) -> World:
    """The same state with room for twice as many attempts in flight, or for so many more."""
    size = max(len(w.slots) * 2, _power(len(w.slots) + slots))
    deadlines = {
        name: _unrolled(timers, w.ends[which], 2 * size)
        for name, timers, which in (
            ("back", w.back, state.RETURN),
            ("invocation_deadlines", w.invocation_deadlines, state.INVOCATION_DEADLINE),
            ("function_deadlines", w.function_deadlines, state.FUNCTION_DEADLINE),
        )
    }
    return w._replace(slots=_longer(w.slots, size), heap=_longer(w.heap, size), **deadlines)


def _longer(array: Array, size: int) -> Array:
    longer = np.zeros(size, array.dtype)
    longer[: len(array)] = array
    return longer


def _unrolled(timers: Array, ends: Array, size: int) -> Array:
    """The timers of a queue from place 0 on, with its ends to match."""
    head, tail = int(ends[0]), int(ends[1])
    longer = np.zeros(size, timers.dtype)
    longer[: tail - head] = timers[np.arange(head, tail) & (len(timers) - 1)]
    ends[:] = 0, tail - head
    return longer


def _power(number: int) -> int:
    """The power of two that is at least so much."""
    return 1 << max(0, number - 1).bit_length()


def _most(variant: VariantSettings) -> int:
    """Instances that the variant can ever have."""
    bounds = [bound for action in variant.schedule for bound in (action.min_capacity, action.max_capacity)]
    return max(variant.initial_instance_count, variant.min_capacity, variant.max_capacity, *bounds)


def _service_times(profiles: list[Profile]) -> tuple[Array, Array, list[int]]:
    """Levels by number in service, the quantiles that they are in, and each variant's first level."""
    levels: list[tuple[int, int, int, int, float]] = []
    quantiles: list[float] = []
    firsts = []
    for profile in profiles:
        spans = []
        for times in profile.service_times:
            spans.append((len(quantiles), len(quantiles) + len(times.quantiles)))
            quantiles += times.quantiles
        firsts.append(len(levels))
        for in_service in range(1, profile.workers + 1):
            low, high, share = profile.levels(in_service)
            levels.append((*spans[low], *spans[high], share))
    return np.array(levels, state.LEVEL), np.array(quantiles), firsts


def _state(settings: Settings, system: System) -> Array:
    made = np.zeros(1, state.STATE)
    s = made[0]
    function = settings.function
    s["free"] = -1
    s["has_function"] = function is not None
    s["limit"] = ACCOUNT_LIMIT
    s["reserved"] = -1
    s["function_timeout"] = _NEVER
    s["idle_seconds"] = IDLE_SECONDS / system.speed  # of the scaling clock
    s["lead"] = s["trail"] = system.function.overhead / 2
    s["cold_start"] = system.function.cold_start
    s["invocation_timeout"] = system.invocation_timeout
    s["client_timeout"] = system.client.timeout
    s["retries"] = system.client.retries
    s["backoff"] = system.client.backoff
    if function is not None:
        s["function_timeout"] = function.timeout
        if function.reserved_concurrent_executions is not None:
            s["reserved"] = function.reserved_concurrent_executions
    return made


def _allowances(settings: Settings) -> Array:
    function = settings.function
    reserved = (function and function.reserved_concurrent_executions) or 0
    made = np.zeros(4, state.ALLOWANCE)
    for which, limit, seconds in (
        (state.ACCOUNT, ACCOUNT_LIMIT * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.OWN, reserved * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.GROWTH, SCALING_STEP, SCALING_SECONDS),
    ):
        made[which] = (limit, limit, limit / seconds, 0.0)
    return made
