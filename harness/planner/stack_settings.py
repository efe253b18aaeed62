"""Reads a stack file's own settings as the planner varies them, and checks that a profile is of the stack's model."""

from __future__ import annotations

from harness.core.errors import HarnessError
from harness.core.profile import Profile
from harness.load.traffic_forms import DAY
from harness.scaling.rules.schedule_expressions import parse_schedule
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN
from harness.simulator.settings import (
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from harness.stack.model_digest import model_sha256
from harness.stack.scaling_tables import FunctionScaling, ScheduleTable, StepTable, VariantScaling
from harness.stack.tables import FunctionTable, Stack, VariantTable

_SOME_DAY = 1_767_225_600.0  # 2026-01-01T00:00:00Z: the daily times of a schedule are read from that day


def stack_settings(stack: Stack) -> Settings:
    """The settings in a stack file, with AWS's defaults for what it leaves out.

    Raises HarnessError for a scheduled action that does not come once a day, since the simulator repeats a schedule
    daily.
    """
    variants = tuple(
        _variant(name, variant, stack.scaling.variants.get(name))
        for name, variant in stack.endpoint.production_variants.items()
    )
    function = _function(stack.function, stack.scaling.function) if stack.function else None
    return Settings(variants=variants, function=function)


def check_model(stack: Stack, variant: str, profile: Profile) -> str | None:
    """Raises HarnessError for a profile of another model; returns a warning if that cannot be known."""
    model = stack.models[stack.endpoint.production_variants[variant].model]
    measured = profile.provenance.model_sha256
    if measured is None:
        return f"The profile {profile.name} does not say of which model it is: that it is this stack's is assumed."
    digest = model_sha256(stack, variant)
    if digest is None:
        return (
            f"The stack's model {model.model_data} is not on this machine: that the profile {profile.name} is of it is "
            "assumed."
        )
    if digest != measured:
        raise HarnessError(
            f"The profile {profile.name} is of another model (its model.tar.gz has SHA-256 {measured[:12]}..., the "
            f"stack's {model.model_data} {digest[:12]}...): measure this one with `harness measure`."
        )
    return None


def _variant(name: str, variant: VariantTable, scaling: VariantScaling | None) -> VariantSettings:
    count = variant.initial_instance_count
    tracking: tuple[TrackingSettings, ...] = ()
    steps: tuple[StepSettings, ...] = ()
    schedule: tuple[ScheduledCapacity, ...] = ()
    low = high = count
    if scaling is not None:
        low, high = scaling.min_capacity, scaling.max_capacity
        tracking = tuple(
            TrackingSettings(
                metric=policy.predefined_metric_type,
                target_value=policy.target_value,
                scale_out_cooldown=_cooldown(policy.scale_out_cooldown),
                scale_in_cooldown=_cooldown(policy.scale_in_cooldown),
                disable_scale_in=policy.disable_scale_in,
            )
            for policy in scaling.target_tracking.values()
        )
        steps = tuple(_steps(policy) for policy in scaling.step_scaling.values())
        schedule = tuple(_daily(key, action, low, high) for key, action in scaling.scheduled_actions.items())
    return VariantSettings(
        name=name,
        instance_type=variant.instance_type,
        initial_instance_count=count,
        initial_variant_weight=variant.initial_variant_weight,
        routing_strategy=variant.routing_strategy,
        min_capacity=low,
        max_capacity=high,
        tracking=tracking,
        steps=steps,
        schedule=tuple(sorted(schedule, key=lambda action: action.second_of_day)),
    )


def _cooldown(seconds: int | None) -> float:
    return DEFAULT_COOLDOWN if seconds is None else float(seconds)


def _steps(policy: StepTable) -> StepSettings:
    return StepSettings(
        threshold=policy.threshold,
        above=policy.above,
        periods=policy.evaluation_periods,
        steps=tuple(Step(bound=entry.bound, adjustment=entry.adjustment) for entry in policy.steps),
        cooldown=_cooldown(policy.cooldown),
    )


def _daily(name: str, action: ScheduleTable, low: int, high: int) -> ScheduledCapacity:
    schedule = parse_schedule(action.schedule, action.timezone, _SOME_DAY)
    first = schedule.after(_SOME_DAY - 1)
    second = schedule.after(first) if first is not None else None
    if first is None or second is None or second - first != DAY or first % 60:
        raise HarnessError(
            f"The scheduled action {name} ({action.schedule}) does not come once a day at a whole minute, and no other "
            "can be simulated: leave it out of the stack file to plan without it."
        )
    least = action.min_capacity if action.min_capacity is not None else low
    most = action.max_capacity if action.max_capacity is not None else high
    return ScheduledCapacity(second_of_day=int(first % DAY), min_capacity=least, max_capacity=max(least, most))


def _function(function: FunctionTable, scaling: FunctionScaling | None) -> FunctionSettings:
    policy = next(iter(scaling.target_tracking.values()), None) if scaling is not None else None
    provisioned = None
    if scaling is not None and policy is not None:
        provisioned = ProvisionedScaling(
            min_capacity=max(1, scaling.min_capacity),
            max_capacity=max(1, scaling.max_capacity),
            target_value=policy.target_value,
        )
    return FunctionSettings(
        memory_size=function.memory_size,
        timeout=function.timeout,
        reserved_concurrent_executions=function.reserved_concurrent_executions,
        provisioned_concurrent_executions=function.provisioned_concurrent_executions or 0,
        provisioned_scaling=provisioned,
    )
