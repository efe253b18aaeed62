"""A run's state at its beginning, from what is set, measured and expected."""

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
from harness.load.schedule import Schedule as Traffic
from harness.simulator import draws, latencies, state
from harness.simulator.client import MINUTE
from harness.simulator.settings import Settings, VariantSettings
from harness.simulator.state import Array, World
from harness.simulator.system import System

_SLOTS = 1024
_NEVER = 1e18  # seconds: the function's timeout where there is no function


def world(settings: Settings, system: System, traffic: Traffic, seed: int, arrivals: int | None = None) -> World:
    """As deployed: every initial instance serves; no provisioned concurrency is allocated yet, and as many environments
    as the system says are warm, used last at second 0."""
    places = [_most(variant) for variant in settings.variants]
    profiles = [system.profiles[variant.instance_type] for variant in settings.variants]
    levels, quantiles, firsts = _service_times(profiles)
    variants = np.zeros(len(places), state.VARIANT)
    first = 0
    for record, variant, profile, level, most in zip(
        variants, settings.variants, profiles, firsts, places, strict=True
    ):
        record["first"], record["serving"], record["level"] = first, variant.initial_instance_count, level
        record["workers"], record["queue_length"] = profile.workers, profile.queue_length
        record["error_rate"] = profile.error_rate
        record["slowest"] = max(times.quantiles[-1] for times in profile.service_times)
        record["slowest_apart"] = record["slowest"] / profile.workers
        record["least"] = variant.routing_strategy == "LEAST_OUTSTANDING_REQUESTS"
        first += most
    made = World(
        _SLOTS,
        _power(ACCOUNT_LIMIT),
        pieces=np.array(
            [(one.seconds, one.start_rate, one.end_rate, one.expected) for one in traffic.pieces], state.PIECE
        ),
        variants=variants,
        weights=np.array([variant.initial_variant_weight for variant in settings.variants]),
        stations=np.zeros(first, state.STATION),
        levels=levels,
        quantiles=quantiles,
        errors=np.zeros(max(1, math.ceil(traffic.seconds / MINUTE - 1e-9)), np.int64),
        counts=np.zeros(latencies.BUCKETS, np.int64),
    )
    made.now.keys[:] = draws.keys(seed, arrivals).tolist()
    _begin(made.now, settings, system)
    made.now.idle_tail = min(system.warm_environments, ACCOUNT_LIMIT)
    _allow(made.arrays["allowances"], settings)
    return made


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
            spans.append((len(quantiles), len(times.quantiles)))
            quantiles += times.quantiles
        firsts.append(len(levels))
        for in_service in range(1, profile.workers + 1):
            low, high, share = profile.levels(in_service)
            levels.append((*spans[low], *spans[high], share))
    return np.array(levels, state.LEVEL), np.array(quantiles), firsts


def _begin(s: Any, settings: Settings, system: System) -> None:
    function = settings.function
    s.number = -1
    s.has_function = function is not None
    s.limit = ACCOUNT_LIMIT
    s.reserved = -1
    s.function_timeout = _NEVER
    s.idle_seconds = IDLE_SECONDS / system.speed  # of the scaling clock
    s.lead = s.trail = system.function.overhead / 2
    s.cold_start = system.function.cold_start
    s.invocation_timeout = system.invocation_timeout
    s.client_timeout = system.client.timeout
    s.retries = system.client.retries
    s.backoff = system.client.backoff
    if function is not None:
        s.function_timeout = function.timeout
        if function.reserved_concurrent_executions is not None:
            s.reserved = function.reserved_concurrent_executions


def _allow(allowances: Array, settings: Settings) -> None:
    function = settings.function
    reserved = (function and function.reserved_concurrent_executions) or 0
    for which, limit, seconds in (
        (state.ACCOUNT, ACCOUNT_LIMIT * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.OWN, reserved * REQUESTS_PER_CONCURRENCY, 1.0),
        (state.GROWTH, SCALING_STEP, SCALING_SECONDS),
    ):
        allowances[which] = (limit, limit, limit / seconds, 0.0)


# ---- while it runs


def allocate(world: World, executions: int) -> None:
    """So many provisioned environments serve from now on, as concurrency.ProvisionedConcurrency.allocate."""
    world.now.allocated = executions
    limit = executions * REQUESTS_PER_CONCURRENCY
    world.arrays["allowances"][state.PROVISIONED_OWN] = (limit, limit, limit, 0.0)


def serve(world: World, index: int, serving: int, now: float) -> None:
    """So many instances of a variant take requests from now on; the newest come and go."""
    variant = world.arrays["variants"][index]
    first, before = int(variant["first"]), int(variant["serving"])
    for place in range(first + before, first + serving):
        station = world.arrays["stations"][place]
        station["in_service"] = station["waiting"] = 0
        station["area"], station["changed"], station["since"] = 0.0, now, now
        world.arrays["outstanding"][place] = 0
    variant["serving"] = serving


def concurrency(world: World, index: int, now: float) -> float:
    """ConcurrentRequestsPerModel: the mean over the instances of their means in flight since the last call, as
    hosting.outstanding has each."""
    variant = world.arrays["variants"][index]
    places = slice(int(variant["first"]), int(variant["first"]) + int(variant["serving"]))
    stations, outstanding = world.arrays["stations"][places], world.arrays["outstanding"][places]
    area = stations["area"] + outstanding * (now - stations["changed"])
    span = now - stations["since"]
    means = np.where(span > 0, area / np.where(span > 0, span, 1.0), outstanding)
    stations["area"], stations["changed"], stations["since"] = 0.0, now, now
    return float(means.mean())
