"""The settings and the system of a live run, in which scaling runs faster than requests do.

On a clock of ten times the speed a minute lasts six seconds and has a tenth of the requests. Targets in invocations a
minute are therefore a tenth; values in seconds of that clock, or in concurrent requests, do not change.
"""

from __future__ import annotations

import math
from dataclasses import replace

from harness.core.profile import Profile
from harness.hosting.instances.client import STARTUP_PING_SECONDS
from harness.hosting.rules.timeouts import CLIENT_SECONDS
from harness.planner.confirmation.excerpt import Excerpt
from harness.planner.search.warm_start import on_clock, warm_started
from harness.planner.tracked_metrics import INVOCATIONS, metric_of
from harness.simulator.settings import Settings, StepSettings, TrackingSettings, VariantSettings
from harness.simulator.system import Client, Delays, System

_REMOVAL_SECONDS = 10.0  # on the sped-up clock: a twin is drained and gone within a second of wall-clock time


def settings_at(settings: Settings, system: System, excerpt: Excerpt, speed: float) -> Settings:
    """The settings as they are when the excerpt begins.

    If only a share of the requests is sent, the fleet is bounded to the same share of its instances. Scheduled actions
    are left out: the bounds in force at the beginning stay.
    """
    rate = excerpt.schedule.pieces[0].start_rate / excerpt.share
    running = warm_started(on_clock(settings, excerpt.clock), system, rate)
    return running.model_copy(
        update={"variants": tuple(_variant(variant, excerpt.share, speed) for variant in running.variants)}
    )


def system_at(system: System, speed: float, warm_environments: int) -> System:
    """The system that the twins are: callers never retry, and instances are gone as soon as they are drained."""
    delays = Delays(provisioning=system.delays.provisioning, removal=_REMOVAL_SECONDS)
    callers = Client(timeout=CLIENT_SECONDS)
    return replace(system, client=callers, delays=delays, speed=speed, warm_environments=warm_environments)


def provisioning_at(profile: Profile, provisioning: float, speed: float) -> float:
    """How long a twin has to wait before it loads, so that it serves ``provisioning`` seconds after the decision.

    All are seconds of the sped-up clock. A twin is ready at the first ping after it has loaded.
    """
    ping = STARTUP_PING_SECONDS * speed
    return max(0.0, provisioning - math.ceil(profile.load_seconds / ping) * ping)


def _variant(variant: VariantSettings, share: float, speed: float) -> VariantSettings:
    def share_of(count: int) -> int:
        return max(1, math.ceil(count * share - 1e-9))

    return variant.model_copy(
        update={
            "initial_instance_count": share_of(variant.initial_instance_count),
            "min_capacity": share_of(variant.min_capacity),
            "max_capacity": share_of(variant.max_capacity),
            "tracking": tuple(_tracking(policy, speed) for policy in variant.tracking),
            "steps": tuple(_steps(policy, speed) for policy in variant.steps),
            "schedule": (),
        }
    )


def _tracking(policy: TrackingSettings, speed: float) -> TrackingSettings:
    return policy.model_copy(update={"target_value": metric_of(policy).at_speed(policy.target_value, speed)})


def _steps(policy: StepSettings, speed: float) -> StepSettings:
    bounds = [INVOCATIONS.at_speed(step.bound, speed) for step in policy.steps]
    steps = tuple(step.model_copy(update={"bound": bound}) for step, bound in zip(policy.steps, bounds, strict=True))
    return policy.model_copy(update={"threshold": INVOCATIONS.at_speed(policy.threshold, speed), "steps": steps})
