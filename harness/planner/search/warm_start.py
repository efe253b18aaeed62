"""A setting as it runs in the middle of the traffic, for a window that is cut out of it. Pure.

As deployed it would begin with its initial count, and the first minutes would show a deployment, not the setting.
"""

from __future__ import annotations

from harness.planner.search import sizing
from harness.simulator.settings import CONCURRENCY, ScheduledCapacity, Settings, VariantSettings
from harness.simulator.system import System

_DAY = 86_400


def on_clock(settings: Settings, start: float) -> Settings:
    """``settings`` with schedules by a clock on which second 0 is second ``start`` of theirs."""
    if not any(variant.schedule for variant in settings.variants):
        return settings
    variants = tuple(
        variant.model_copy(update={"schedule": _shifted(variant.schedule, start)}) for variant in settings.variants
    )
    return settings.model_copy(update={"variants": variants})


def _shifted(schedule: tuple[ScheduledCapacity, ...], start: float) -> tuple[ScheduledCapacity, ...]:
    moved = (
        action.model_copy(update={"second_of_day": int(action.second_of_day - start) % _DAY // 60 * 60})
        for action in schedule
    )
    return tuple(sorted(moved, key=lambda action: action.second_of_day))


def warm_started(settings: Settings, system: System, rate: float) -> Settings:
    """``settings`` as they stand at second 0 of a steady rate of the whole endpoint, requests a second."""
    variants = tuple(standing(variant, system, rate * settings.traffic_share(variant)) for variant in settings.variants)
    return settings.model_copy(update={"variants": variants})


def standing(variant: VariantSettings, system: System, rate: float) -> VariantSettings:
    """With the bounds that its schedule has left in force, and the instances that it holds at a steady rate."""
    if variant.schedule:
        # The last to come on this clock is the one in force at its beginning.
        now = max(variant.schedule, key=lambda action: action.second_of_day)
        variant = variant.model_copy(update={"min_capacity": now.min_capacity, "max_capacity": now.max_capacity})
    return variant.model_copy(update={"initial_instance_count": held(variant, system, rate)})


def held(variant: VariantSettings, system: System, rate: float) -> int:
    """Instances that a variant's policies come to at a steady rate, within its bounds; as deployed without any."""
    if not variant.scales:
        return variant.initial_instance_count
    wanted = [variant.min_capacity]
    profile = system.profiles[variant.instance_type]
    for policy in variant.tracking:
        if policy.metric == CONCURRENCY:
            wanted.append(sizing.instances(sizing.concurrency(profile, rate), policy.target_value))
        else:
            wanted.append(sizing.instances(rate * 60, policy.target_value))
    wanted += [sizing.instances(rate * 60, step.threshold) for step in variant.steps if step.above]
    return min(max(wanted), variant.max_capacity)
