"""Settings and system as they are where scaling runs faster than requests do. Pure.

On a clock of ten times the speed a minute lasts six seconds and has a tenth of the requests, so that what is set in
invocations a minute is a tenth; what is set in seconds of that clock, or in concurrent requests, stays.
"""

from __future__ import annotations

import math
from dataclasses import replace

from harness.core.profile import Profile
from harness.hosting.instances.client import PING_INTERVAL_SECONDS
from harness.planner.confirmation.excerpt import Excerpt
from harness.planner.search.warm_start import on_clock, warm_started
from harness.simulator.settings import CONCURRENCY, Settings, StepSettings, TrackingSettings, VariantSettings
from harness.simulator.system import Client, Delays, System

_CALLERS_SECONDS = 70.0  # that harness.load.locust.users wait, as SDK clients are told to (SM guide)
_REMOVAL_SECONDS = 10.0  # of the clock: a twin is drained and gone within a second of the wall


def settings_at(settings: Settings, system: System, excerpt: Excerpt, speed: float) -> Settings:
    """As they stand at the excerpt's beginning. Where only a share of the requests is sent, a share of the instances
    may serve them. A schedule is not followed: what is in force at the beginning stays."""
    rate = excerpt.schedule.pieces[0].start_rate / excerpt.share
    standing = warm_started(on_clock(settings, excerpt.clock), system, rate)
    return standing.model_copy(
        update={"variants": tuple(_variant(variant, excerpt.share, speed) for variant in standing.variants)}
    )


def system_at(system: System, speed: float, warm_environments: int) -> System:
    """The twins' system: callers that never repeat, and instances that are gone as soon as they are drained."""
    delays = Delays(provisioning=system.delays.provisioning, removal=_REMOVAL_SECONDS)
    callers = Client(timeout=_CALLERS_SECONDS)
    return replace(system, client=callers, delays=delays, speed=speed, warm_environments=warm_environments)


def provisioning_at(profile: Profile, provisioning: float, speed: float) -> float:
    """What a twin is to wait before it loads, so that it serves so many seconds of the clock after the decision: it is
    ready at the first ping after it has loaded."""
    ping = PING_INTERVAL_SECONDS * speed
    return max(0.0, provisioning - math.ceil(profile.load_seconds / ping) * ping)


def _variant(variant: VariantSettings, share: float, speed: float) -> VariantSettings:
    def some(count: int) -> int:
        return max(1, math.ceil(count * share - 1e-9))

    return variant.model_copy(
        update={
            "initial_instance_count": some(variant.initial_instance_count),
            "min_capacity": some(variant.min_capacity),
            "max_capacity": some(variant.max_capacity),
            "tracking": tuple(_tracking(policy, speed) for policy in variant.tracking),
            "steps": tuple(_steps(policy, speed) for policy in variant.steps),
            "schedule": (),
        }
    )


def _tracking(policy: TrackingSettings, speed: float) -> TrackingSettings:
    if policy.metric == CONCURRENCY:
        return policy
    return policy.model_copy(update={"target_value": policy.target_value / speed})


def _steps(policy: StepSettings, speed: float) -> StepSettings:
    steps = tuple(step.model_copy(update={"bound": step.bound / speed}) for step in policy.steps)
    return policy.model_copy(update={"threshold": policy.threshold / speed, "steps": steps})
