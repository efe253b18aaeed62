"""The state that a run begins with, from the settings, the measured system and the expected traffic."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from harness.core.profile import Profile
from harness.functions.rules.concurrency import (
    ACCOUNT_LIMIT,
    IDLE_SECONDS,
    REQUESTS_PER_CONCURRENCY,
    SCALING_SECONDS,
    SCALING_STEP,
)
from harness.load.schedule import Schedule
from harness.simulator import draws, latencies, state
from harness.simulator.client import MINUTE
from harness.simulator.kernel_state import KernelState
from harness.simulator.settings import Settings, VariantSettings
from harness.simulator.state import Array
from harness.simulator.system import System

_SLOTS = 1024
_NEVER = 1e18  # seconds: the function's timeout where there is no function


def initial_state(
    settings: Settings, system: System, traffic: Schedule, seed: int, arrivals: int | None = None
) -> KernelState:
    """The state just after deployment: every initial instance serves.

    No provisioned concurrency is allocated yet. As many environments as the system says are warm; they were last used
    at second 0.
    """
    largest = [_largest_fleet(variant) for variant in settings.variants]
    profiles = [system.profiles[variant.instance_type] for variant in settings.variants]
    levels, quantiles, first_levels = _service_times(profiles)
    variants = np.zeros(len(largest), state.VARIANT)
    first = 0
    for record, variant, profile, level, instances in zip(
        variants, settings.variants, profiles, first_levels, largest, strict=True
    ):
        record["first"], record["serving"], record["level"] = first, variant.initial_instance_count, level
        record["workers"], record["queue_length"] = profile.workers, profile.queue_length
        record["error_rate"] = profile.error_rate
        record["slowest"] = max(times.quantiles[-1] for times in profile.service_times)
        record["slowest_apart"] = record["slowest"] / profile.workers
        record["least"] = variant.routing_strategy == "LEAST_OUTSTANDING_REQUESTS"
        first += instances
    kernel_state = KernelState(
        _SLOTS,
        _next_power_of_two(ACCOUNT_LIMIT),
        pieces=np.array(
            [(piece.seconds, piece.start_rate, piece.end_rate, piece.expected) for piece in traffic.pieces],
            state.PIECE,
        ),
        variants=variants,
        weights=np.array([variant.initial_variant_weight for variant in settings.variants]),
        stations=np.zeros(first, state.STATION),
        levels=levels,
        quantiles=quantiles,
        errors=np.zeros(max(1, math.ceil(traffic.seconds / MINUTE - 1e-9)), np.int64),
        counts=np.zeros(latencies.BUCKETS, np.int64),
    )
    kernel_state.members.keys[:] = draws.keys(seed, arrivals).tolist()
    _set_members(kernel_state.members, settings, system)
    kernel_state.members.idle_tail = min(system.warm_environments, ACCOUNT_LIMIT)
    _set_allowances(kernel_state.arrays["allowances"], settings)
    return kernel_state


def _next_power_of_two(number: int) -> int:
    """The smallest power of two that is at least ``number``."""
    return 1 << max(0, number - 1).bit_length()


def _largest_fleet(variant: VariantSettings) -> int:
    """How many instances the variant can have at most."""
    bounds = [bound for action in variant.schedule for bound in (action.min_capacity, action.max_capacity)]
    return max(variant.initial_instance_count, variant.min_capacity, variant.max_capacity, *bounds)


def _service_times(profiles: list[Profile]) -> tuple[Array, Array, list[int]]:
    """Returns the levels by number in service, the quantiles that they refer to, and each variant's first level."""
    levels: list[tuple[int, int, int, int, float]] = []
    quantiles: list[float] = []
    first_levels = []
    for profile in profiles:
        spans = []
        for times in profile.service_times:
            spans.append((len(quantiles), len(times.quantiles)))
            quantiles += times.quantiles
        first_levels.append(len(levels))
        for in_service in range(1, profile.workers + 1):
            low, high, share = profile.levels(in_service)
            levels.append((*spans[low], *spans[high], share))
    return np.array(levels, state.LEVEL), np.array(quantiles), first_levels


def _set_members(members: Any, settings: Settings, system: System) -> None:
    function = settings.function
    members.number = -1
    members.has_function = function is not None
    members.limit = ACCOUNT_LIMIT
    members.reserved = -1
    members.function_timeout = _NEVER
    members.idle_seconds = IDLE_SECONDS / system.speed  # IDLE_SECONDS are of the scaling clock
    members.lead = members.trail = system.function.overhead / 2
    members.cold_start = system.function.cold_start
    members.invocation_timeout = system.invocation_timeout
    members.client_timeout = system.client.timeout
    members.retries = system.client.retries
    members.backoff = system.client.backoff
    if function is not None:
        members.function_timeout = function.timeout
        if function.reserved_concurrent_executions is not None:
            members.reserved = function.reserved_concurrent_executions


def _set_allowances(allowances: Array, settings: Settings) -> None:
    function = settings.function
    reserved = (function and function.reserved_concurrent_executions) or 0
    for which, limit, seconds in (
        (state.ACCOUNT, ACCOUNT_LIMIT * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.OWN, reserved * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.GROWTH, SCALING_STEP, SCALING_SECONDS),
    ):
        allowances[which] = (limit, limit, limit / seconds, 0.0)
