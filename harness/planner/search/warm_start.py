"""Settings as they are in the middle of the traffic, for a window that is cut out of it.

A stack begins with its initial count, so that the first minutes of a window would show a deployment and not the
settings themselves.
"""

from __future__ import annotations

from harness.load.traffic_forms import DAY
from harness.planner.tracked_metrics import INVOCATIONS, metric_of
from harness.simulator.settings import ScheduledCapacity, Settings, VariantSettings
from harness.simulator.system import System


def on_clock(settings: Settings, start: float) -> Settings:
    """``settings`` with their schedules on a clock that is 0 at second ``start`` of the day."""
    if not any(variant.schedule for variant in settings.variants):
        return settings
    variants = tuple(
        variant.model_copy(update={"schedule": _shifted(variant.schedule, start)}) for variant in settings.variants
    )
    return settings.model_copy(update={"variants": variants})


def _shifted(schedule: tuple[ScheduledCapacity, ...], start: float) -> tuple[ScheduledCapacity, ...]:
    moved = (
        action.model_copy(update={"second_of_day": int(action.second_of_day - start) % int(DAY) // 60 * 60})
        for action in schedule
    )
    return tuple(sorted(moved, key=lambda action: action.second_of_day))


def warm_started(settings: Settings, system: System, rate: float) -> Settings:
    """``settings`` as they are at second 0 of a steady rate of the whole endpoint, in requests a second."""
    variants = tuple(standing(variant, system, rate * settings.traffic_share(variant)) for variant in settings.variants)
    return settings.model_copy(update={"variants": variants})


def standing(variant: VariantSettings, system: System, rate: float) -> VariantSettings:
    """A variant with the bounds that its schedule has in force, and the instances that it holds at a steady rate."""
    if variant.schedule:
        # The last action on this clock is the one in force at its beginning.
        in_force = max(variant.schedule, key=lambda action: action.second_of_day)
        bounds = {"min_capacity": in_force.min_capacity, "max_capacity": in_force.max_capacity}
        variant = variant.model_copy(update=bounds)
    return variant.model_copy(update={"initial_instance_count": held(variant, system, rate)})


def held(variant: VariantSettings, system: System, rate: float) -> int:
    """The instances that a variant's policies come to at a steady rate, within its bounds; without any policy the
    initial count."""
    if not variant.scales:
        return variant.initial_instance_count
    profile = system.profiles[variant.instance_type]
    counts = [variant.min_capacity]
    counts += [metric_of(policy).instances(profile, rate, policy.target_value) for policy in variant.tracking]
    # Step policies go by invocations too.
    counts += [INVOCATIONS.instances(profile, rate, step.threshold) for step in variant.steps if step.above]
    return min(max(counts), variant.max_capacity)
