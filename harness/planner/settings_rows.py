"""Settings as people read them: rows of a table, a few words, or a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from harness.core import figures as text
from harness.planner.tracked_metrics import metric_of
from harness.simulator.settings import (
    FunctionSettings,
    ScheduledCapacity,
    Settings,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)

_ROUTING = {"RANDOM": "random", "LEAST_OUTSTANDING_REQUESTS": "least outstanding requests"}


@dataclass(frozen=True)
class Value:
    """A value with its unit. means: what it comes to, in a word or two."""

    shown: str
    means: str = ""


@dataclass(frozen=True)
class SettingRow:
    """One row of a table that shows several settings side by side.

    name: in the console's words. key: its name in the stack file. values: one for each of the settings shown; None
    where one of them has no such thing.
    """

    part: str
    name: str
    key: str
    values: tuple[Value | None, ...]


def setting_rows(settings: list[Settings]) -> list[SettingRow]:
    """Settings side by side, in the order of the first one's rows; the rows of a part stand together."""
    columns = [dict(_rows(column)) for column in settings]
    keys = dict.fromkeys(key for column in columns for key in column)
    parts = list(dict.fromkeys(part for part, _, _ in keys))
    keys = dict.fromkeys(sorted(keys, key=lambda key: parts.index(key[0])))
    return [SettingRow(*key, tuple(column.get(key) for column in columns)) for key in keys]


def in_short(settings: Settings) -> str:
    """``1–3 ml.m5.large, target 690 a minute each; reserved 5, provisioned 2``."""
    parts = [" + ".join(_variant_in_short(variant) for variant in settings.variants)]
    if settings.function is not None and (function := _function_in_short(settings.function)):
        parts.append(function)
    return "; ".join(parts)


def differences(settings: Settings, other: Settings) -> list[str]:
    """What ``other`` has in place of what ``settings`` has, such as ``target value 620``."""
    changed = []
    for row in setting_rows([settings, other]):
        first, second = row.values
        if first != second:
            name = row.name[:1].lower() + row.name[1:]
            changed.append(f"{name} {second.shown}" if second else f"no {name}")
    return changed


def target(policy: TrackingSettings) -> str:
    """The target value with its unit."""
    return f"{policy.target_value:,.6g} {metric_of(policy).unit}"


def _means(policy: TrackingSettings) -> str:
    metric = metric_of(policy)
    meaning = metric.meaning(policy.target_value)
    return f"{metric.unit}: {meaning}" if meaning else metric.unit


_Key = tuple[str, str, str]


def _rows(settings: Settings) -> Iterator[tuple[_Key, Value]]:
    for variant in settings.variants:
        part = f"Variant {variant.name}"
        for name, key, value in _variant_rows(variant, len(settings.variants) > 1):
            yield (part, name, key), value
    if settings.function is not None:
        for name, key, value in _function_rows(settings.function):
            yield ("Function", name, key), value


def _variant_rows(variant: VariantSettings, several: bool) -> Iterator[tuple[str, str, Value]]:
    yield "Instance type", "instance_type", Value(variant.instance_type)
    yield "Instances at first", "initial_instance_count", Value(str(variant.initial_instance_count))
    if several:
        yield "Weight", "initial_variant_weight", Value(f"{variant.initial_variant_weight:g}")
    yield "Routing", "routing_strategy", Value(_ROUTING.get(variant.routing_strategy, variant.routing_strategy))
    if not variant.scales:
        yield "Scaling", "", Value("none", "the fleet is fixed")
        return
    yield "Least instances", "min_capacity", Value(str(variant.min_capacity))
    yield "Most instances", "max_capacity", Value(str(variant.max_capacity))
    for index, policy in enumerate(variant.tracking):
        nth = f" of policy {index + 1}" if index else ""
        yield f"Target value{nth}", "target_value", Value(f"{policy.target_value:,.6g}", _means(policy))
        yield f"Scale-out cooldown{nth}", "scale_out_cooldown", Value(text.length_of_time(policy.scale_out_cooldown))
        yield (
            f"Scale-in cooldown{nth}",
            "scale_in_cooldown",
            Value("never scales in")
            if policy.disable_scale_in
            else Value(text.length_of_time(policy.scale_in_cooldown)),
        )
    for index, steps in enumerate(variant.steps):
        nth = f" {index + 1}" if index else ""
        yield (
            f"Step policy{nth}",
            "step_scaling",
            Value(_steps(steps), f"cooldown {text.length_of_time(steps.cooldown)}"),
        )
    if variant.schedule:
        shown = "; ".join(f"{_time_of_day(action.second_of_day)} {_bounds(action)}" for action in variant.schedule)
        yield "Schedule", "scheduled_actions", Value(shown, "each day from then on, UTC: least–most instances")


def _function_rows(function: FunctionSettings) -> Iterator[tuple[str, str, Value]]:
    yield "Memory", "memory_size", Value(f"{text.count(function.memory_size)}{text.NARROW}MB")
    yield "Timeout", "timeout", Value(text.length_of_time(function.timeout))
    reserved = function.reserved_concurrent_executions
    yield (
        "Reserved concurrency",
        "reserved_concurrent_executions",
        Value("none", "shares the account's")
        if reserved is None
        else Value(text.count(reserved), "guaranteed, and at most"),
    )
    provisioned = function.provisioned_concurrent_executions
    yield (
        "Provisioned concurrency",
        "provisioned_concurrent_executions",
        Value(text.count(provisioned) if provisioned else "none"),
    )
    if (scaling := function.provisioned_scaling) is not None:
        yield (
            "Provisioned scaling",
            "scaling.function",
            Value(
                f"{scaling.min_capacity} to {scaling.max_capacity}", f"at {text.percent(scaling.target_value)} in use"
            ),
        )


def _steps(policy: StepSettings) -> str:
    side = "above" if policy.above else "below"
    steps = ", ".join(
        f"{step.adjustment:+d}".replace("-", "−") + (f" from {step.bound:g} {side} it" if step.bound else "")
        for step in policy.steps
    )
    minutes = text.count(policy.periods, "minute")
    return f"{steps} after {minutes} {side} {policy.threshold:,g} invocations a minute per instance"


def _time_of_day(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}"


def _bounds(action: ScheduledCapacity) -> str:
    low, high = action.min_capacity, action.max_capacity
    return str(low) if low == high else f"{low}–{high}"


def _variant_in_short(variant: VariantSettings) -> str:
    if not variant.scales:
        return f"{variant.initial_instance_count} {variant.instance_type}, fixed"
    low, high = variant.min_capacity, variant.max_capacity
    how = [f"target {policy.target_value:,.6g} {metric_of(policy).short_unit}" for policy in variant.tracking]
    how += ["steps"] if variant.steps else []
    how += ["schedule"] if variant.schedule else []
    return ", ".join([f"{low if low == high else f'{low}–{high}'} {variant.instance_type}", *how])


def _function_in_short(function: FunctionSettings) -> str:
    """Empty if nothing is reserved or provisioned."""
    parts = []
    if function.reserved_concurrent_executions is not None:
        parts.append(f"reserved {text.count(function.reserved_concurrent_executions)}")
    if function.provisioned_concurrent_executions:
        parts.append(f"provisioned {text.count(function.provisioned_concurrent_executions)}")
    return ", ".join(parts)


def in_words(settings: Settings) -> str:
    """The settings in a sentence: ``1 to 3 ml.m5.large, scaled at 690 invocations a minute per instance, with ...``."""
    fleets = " and ".join(_variant_in_words(variant) for variant in settings.variants)
    if settings.function is None:
        return fleets
    reserved = settings.function.reserved_concurrent_executions
    provisioned = settings.function.provisioned_concurrent_executions
    return (
        f"{fleets}, with "
        f"{'no reserved' if reserved is None else f'a reserved concurrency of {text.count(reserved)}'} and "
        f"{f'a provisioned concurrency of {text.count(provisioned)}' if provisioned else 'no provisioned concurrency'}"
    )


def _variant_in_words(variant: VariantSettings) -> str:
    if not variant.scales:
        return f"{variant.initial_instance_count} {variant.instance_type}, not scaled"
    low, high = variant.min_capacity, variant.max_capacity
    fleet = f"{low} {variant.instance_type}" if low == high else f"{low} to {high} {variant.instance_type}"
    how = [f"at {target(policy)}" for policy in variant.tracking]
    how += ["in steps"] if variant.steps else []
    how += ["by the clock"] if variant.schedule else []
    return f"{fleet}, scaled {' and '.join(how)}"
