"""A plan's settings as tables of the stack file, and the whole stack with them in place of its own."""

from __future__ import annotations

import math
from typing import Any

from harness.core.errors import HarnessError
from harness.planner.plan import Plan
from harness.planner.tracked_metrics import metric_of
from harness.simulator.settings import (
    FunctionSettings,
    ScheduledCapacity,
    Settings,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from harness.stack.scaling_tables import (
    FunctionScaling,
    FunctionTracking,
    ScalingTable,
    ScheduleTable,
    StepEntry,
    StepTable,
    VariantScaling,
    VariantTracking,
)
from harness.stack.tables import EndpointTable, FunctionTable, Stack, VariantTable

PLANNED_ALIAS = "live"
"""The alias that a function gets if the plan provisions concurrency, which needs one, and the function has none yet."""


def recommended(plan: Plan) -> Settings:
    """The recommended settings. Raises HarnessError if the plan recommends nothing."""
    if plan.recommended is None:
        limit = f": {plan.first_limit}" if plan.first_limit else ""
        raise HarnessError(
            f"The plan recommends no setting, as none serves the traffic{limit}. There is nothing to apply."
        )
    return plan.recommended.settings


def variant_scaling(variant: VariantSettings) -> VariantScaling | None:
    """The variant's scaling; None if its fleet is fixed."""
    if not variant.scales:
        return None
    return VariantScaling(
        min_capacity=variant.min_capacity,
        max_capacity=variant.max_capacity,
        target_tracking={metric_of(policy).policy_name: _tracking(policy) for policy in variant.tracking},
        step_scaling={name: _steps(policy) for name, policy in _named_steps(variant.steps)},
        scheduled_actions={_time_name(action): _schedule(action) for action in variant.schedule},
    )


def function_scaling(function: FunctionSettings) -> FunctionScaling | None:
    """The function's scaling; None if its provisioned concurrency does not scale."""
    scaling = function.provisioned_scaling
    if scaling is None:
        return None
    return FunctionScaling(
        min_capacity=scaling.min_capacity,
        max_capacity=scaling.max_capacity,
        target_tracking={"provisioned-concurrency-utilization": FunctionTracking(target_value=scaling.target_value)},
    )


def alias_of(plan: Plan) -> str | None:
    """The function's alias: the one that exists, or the one that provisioned concurrency needs."""
    function = recommended(plan).function
    provisioned = function is not None and function.provisioned_concurrent_executions > 0
    return plan.alias or (PLANNED_ALIAS if provisioned else None)


def planned_stack(plan: Plan, stack: Stack) -> Stack:
    """The stack with the recommended settings. Raises HarnessError if the plan is of another stack."""
    settings = recommended(plan)
    _belongs(plan, settings, stack)
    variants = {
        variant.name: _variant(stack.endpoint.production_variants[variant.name], variant)
        for variant in settings.variants
    }
    tables = {variant.name: variant_scaling(variant) for variant in settings.variants}
    function = function_scaling(settings.function) if settings.function is not None else None
    changes: dict[str, Any] = {
        "endpoint": EndpointTable(name=stack.endpoint.name, production_variants=variants),
        "scaling": ScalingTable(variants={name: table for name, table in tables.items() if table}, function=function),
    }
    if stack.function is not None and settings.function is not None:
        changes["function"] = _function(stack.function, settings.function, alias_of(plan))
    return stack.model_copy(update=changes)


def _belongs(plan: Plan, settings: Settings, stack: Stack) -> None:
    names = stack.endpoint.name, sorted(stack.endpoint.production_variants), stack.function and stack.function.name
    planned_names = plan.endpoint, sorted(variant.name for variant in settings.variants), plan.function
    for what, planned, present in zip(("endpoint", "variants", "function"), planned_names, names, strict=True):
        if planned != present:
            raise HarnessError(
                f"The plan is of the {what} {_said(planned)}, the stack {stack.name} has {_said(present)}: "
                "name the stack that was planned, or plan this one."
            )


def _said(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value or "none")


def _variant(table: VariantTable, planned: VariantSettings) -> VariantTable:
    return VariantTable.model_validate(
        {
            **table.model_dump(),
            "instance_type": planned.instance_type,
            "initial_instance_count": planned.initial_instance_count,
            "initial_variant_weight": planned.initial_variant_weight,
            "routing_strategy": planned.routing_strategy,
        }
    )


def _function(table: FunctionTable, planned: FunctionSettings, alias: str | None) -> FunctionTable:
    return FunctionTable.model_validate(
        {
            **table.model_dump(),
            "alias": table.alias or alias,
            "memory_size": planned.memory_size,
            "timeout": whole(planned.timeout),
            "reserved_concurrent_executions": planned.reserved_concurrent_executions,
            "provisioned_concurrent_executions": planned.provisioned_concurrent_executions or None,
        }
    )


def whole(seconds: float) -> int:
    """Whole seconds, as AWS takes them; rounded up, so that nothing is cut short."""
    return math.ceil(seconds)


def _tracking(policy: TrackingSettings) -> VariantTracking:
    return VariantTracking(
        predefined_metric_type=policy.metric,
        target_value=policy.target_value,
        scale_in_cooldown=whole(policy.scale_in_cooldown),
        scale_out_cooldown=whole(policy.scale_out_cooldown),
        disable_scale_in=policy.disable_scale_in,
    )


def _named_steps(policies: tuple[StepSettings, ...]) -> list[tuple[str, StepSettings]]:
    """Names each policy by what it does: ``step-out``, ``step-in``; a second one is ``step-out-2``."""
    named: list[tuple[str, StepSettings]] = []
    for policy in policies:
        base = "step-out" if policy.above else "step-in"
        nth = 1 + sum(before.above == policy.above for _, before in named)
        named.append((base if nth == 1 else f"{base}-{nth}", policy))
    return named


def _steps(policy: StepSettings) -> StepTable:
    return StepTable(
        threshold=policy.threshold,
        above=policy.above,
        evaluation_periods=policy.periods,
        steps=[StepEntry(bound=step.bound, adjustment=step.adjustment) for step in policy.steps],
        cooldown=whole(policy.cooldown),
    )


def _time_name(action: ScheduledCapacity) -> str:
    hour, minute = divmod(action.second_of_day // 60, 60)
    return f"daily-{hour:02}{minute:02}"


def _schedule(action: ScheduledCapacity) -> ScheduleTable:
    hour, minute = divmod(action.second_of_day // 60, 60)
    return ScheduleTable(
        schedule=f"cron({minute} {hour} * * ? *)", min_capacity=action.min_capacity, max_capacity=action.max_capacity
    )
