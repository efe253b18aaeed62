"""A fast stand-in for the simulator, which reckons by the minute with queueing formulas. For tests of the search."""

from __future__ import annotations

import functools
import math

import numpy as np

from harness.core.profile import Profile
from harness.load.schedule import Schedule as Rates
from harness.load.traffic import bins
from harness.planner.search import sizing
from harness.planner.search.warm_start import held
from harness.simulator.outcome import Latencies, SimulatedMinutes, SimulationOutcome
from harness.simulator.settings import Settings
from harness.simulator.system import FunctionProfile, System
from tests.profiles import a_profile, constant

EDGES = np.geomspace(0.001, 200.0, 1227)
_SHARES = np.minimum(1.0, -np.log(0.9975 - np.arange(200) / 200) / math.log(100))
LAG = 5  # minutes from a rise until the fleet has grown

LARGE = a_profile(name="large", workers=2, service_times=(constant(0.08), constant(0.1, 2)), saturation_rate=20.0)
XLARGE = a_profile(name="xlarge", workers=4, service_times=(constant(0.08), constant(0.1, 4)), saturation_rate=40.0)


def a_system(**members: object) -> System:
    usual = {"profiles": {"ml.m5.large": LARGE, "ml.m5.xlarge": XLARGE}, "function": FunctionProfile(0.005, 0.4)}
    return System(**{**usual, **members})  # type: ignore[arg-type]


def simulate(settings: Settings, system: System, traffic: Rates, *, seed: int) -> SimulationOutcome:
    draw = np.random.default_rng(seed)
    rates = bins(traffic, 60.0)
    rates = rates * np.clip(draw.normal(1.0, 0.02, len(rates)), 0.5, 1.5)
    (variant,) = settings.variants
    profile = system.profiles[variant.instance_type]
    counts = np.empty(len(rates))
    low, high = variant.min_capacity, variant.max_capacity
    schedule = {action.second_of_day // 60: action for action in variant.schedule}
    asked_for_more = 0.0
    for minute in range(len(rates)):
        if minute % 1440 in schedule:
            action = schedule[minute % 1440]
            low, high = action.min_capacity, action.max_capacity
        if minute < LAG or not variant.scales:
            counts[minute] = variant.initial_instance_count
        else:
            bounds = {"min_capacity": low, "max_capacity": high, "schedule": ()}
            needed = held(variant.model_copy(update={**bounds, "max_capacity": 10_000}), system, rates[minute - LAG])
            counts[minute] = min(max(needed, low), high)
            asked_for_more += 60.0 * (needed > high)
    requests = rates * 60.0
    per = rates / counts
    most = sizing.saturation(profile)
    served = np.minimum(1.0, most / np.maximum(per, 1e-9))
    histogram = np.zeros(len(EDGES) - 1)
    p99 = np.full(len(rates), np.nan)
    for minute, rate in enumerate(per):
        p99[minute] = _add(histogram, profile, float(rate), float(requests[minute] * served[minute]))
    failed = requests * (1 - served)
    throttles = _throttled(settings, rates, profile) * requests
    failures = {"queue_full": int(failed.sum()), "throttled": int(throttles.sum())}
    total = int(requests.sum())
    succeeded = max(0, total - sum(failures.values()))
    function = settings.function
    return SimulationOutcome(
        seed=seed,
        seconds=traffic.seconds,
        requests=total,
        succeeded=succeeded,
        failures=failures,
        throttles=failures["throttled"],
        retries=0,
        latencies=Latencies(EDGES, histogram.astype(np.int64)),
        instance_seconds={variant.instance_type: float(counts.sum()) * traffic.seconds / len(counts)},
        function_requests=total if function else 0,
        function_seconds=total * 0.1 if function else 0.0,
        provisioned_seconds=0.0,
        held_seconds=function.provisioned_concurrent_executions * traffic.seconds if function else 0.0,
        cold_starts=5,
        at_maximum=asked_for_more,
        beyond_saturation=60.0 * float((per > most).sum()),
        series=_series(rates, counts, p99, failed, throttles),
    )


def instance_p99(profile: Profile, rate: float) -> float:
    """Roughly the p99 at one instance: that of the service time and that of the wait, added.

    The wait is M/M/c's, shortened as the service time's variance makes it (Allen and Cunneen); infinite at saturation.
    """
    capacity = sizing.saturation(profile)
    if rate >= capacity:
        return math.inf
    level = profile.service_times[-1]
    variation = sizing.squared_variation(level.quantiles, level.mean)
    waits = sizing.erlang_c(profile.workers, profile.workers * rate / capacity)
    wait = max(0.0, math.log(waits / 0.01)) / (capacity - rate) * (1 + variation) / 2 if waits > 0 else 0.0
    return level.quantile(0.99) + wait


@functools.cache
def _wait(profile_name: str, hundredths: int) -> float:
    """The p99 of the wait in seconds, at a rate in hundredths."""
    profile = {known.name: known for known in (LARGE, XLARGE)}.get(profile_name, LARGE)
    rate = min(hundredths / 100, 0.999 * sizing.saturation(profile))
    return max(0.0, instance_p99(profile, rate) - profile.service_times[-1].mean)


def _add(histogram: np.ndarray, profile: Profile, rate: float, requests: float) -> float:
    """Adds a minute's requests by the quantiles of service time and wait; returns the minute's p99 in seconds."""
    wait = _wait(profile.name, round(rate * 100))
    seconds = profile.service_times[-1].mean + wait * _SHARES
    np.add.at(histogram, np.searchsorted(EDGES, seconds) - 1, requests / 200)
    return float(seconds[198])


def _throttled(settings: Settings, rates: np.ndarray, profile: Profile) -> np.ndarray:
    function = settings.function
    if function is None or function.reserved_concurrent_executions is None:
        return np.zeros(len(rates))
    busy = rates * profile.service_times[-1].mean
    return np.clip(1 - function.reserved_concurrent_executions / np.maximum(busy, 1e-9), 0.0, 1.0)


def _series(
    rates: np.ndarray, counts: np.ndarray, p99: np.ndarray, failed: np.ndarray, throttles: np.ndarray
) -> SimulatedMinutes:
    none = np.zeros(len(rates))
    return SimulatedMinutes(
        arrivals=rates * 60,
        invocations=rates * 60,
        throttles=throttles,
        errors=failed,
        p50=p99 / 2,
        p99=p99,
        in_service=counts,
        desired=counts,
        per_instance=rates * 60 / counts,
        queued=none,
        concurrency=rates * 0.1,
        concurrency_peak=rates * 0.2,
        alarm_high=none,
        alarm_low=none,
    )
