"""What the search chooses, in few numbers, and the settings that they stand for. Pure.

A choice is in terms that carry over from one policy kind or instance type to another: ``level`` is the rate that an
instance is to bear, whichever metric a policy goes by.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from harness.hosting.rules.routing import Strategy
from harness.planner.search import sizing
from harness.planner.search.demand import Demand
from harness.planner.search.warm_start import on_clock, standing
from harness.scaling.rules.tracking import ONE_MINUTE
from harness.simulator.settings import (
    CONCURRENCY,
    INVOCATIONS,
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackedMetric,
    TrackingSettings,
    VariantSettings,
)
from harness.simulator.system import System

Kind = Literal["fixed", "invocations", "concurrency", "step", "scheduled", "scheduled and invocations"]
KINDS: tuple[Kind, ...] = ("invocations", "concurrency", "step", "fixed", "scheduled and invocations", "scheduled")

_LEAD = 600  # seconds that a scheduled action comes before its hour: instances take minutes
_STEP_IN = 0.5  # of the level, below which a step policy takes an instance away
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate. level: requests a second that an instance is to bear; min_capacity, max_capacity: instances; of a
    fixed fleet max_capacity; a scheduled one's are in force between its hours' own. out_cooldown, in_cooldown: seconds.
    The rest as in settings.FunctionSettings, and of no meaning without a function."""

    instance_type: str
    kind: Kind
    level: float
    min_capacity: int
    max_capacity: int
    out_cooldown: float = 300.0
    in_cooldown: float = 300.0
    routing: Strategy = "RANDOM"
    reserved: int | None = None
    provisioned: int = 0
    provisioned_scaling: ProvisionedScaling | None = None


@dataclass(frozen=True, slots=True)
class VariantProblem:
    """What all candidates have in common. base: the stack's own settings, of which the variant of that name and the
    function's concurrency are chosen; demand: the variant's share; clock: as traffic.Traffic.clock."""

    base: Settings
    variant: str
    system: System
    demand: Demand
    clock: float = 0.0


def settings_of(problem: VariantProblem, candidate: Candidate) -> Settings:
    """The choice as a whole stack's settings."""
    variants = tuple(
        _variant(problem, candidate, variant) if variant.name == problem.variant else variant
        for variant in problem.base.variants
    )
    return Settings(variants=variants, function=problem.base.function and _function(problem.base.function, candidate))


def candidate_of(problem: VariantProblem, settings: Settings) -> Candidate | None:
    """A stack's own settings as a choice, None where they are none: with other policies than one that tracks
    invocations, say."""
    variant = next(each for each in settings.variants if each.name == problem.variant)
    if variant.steps or variant.schedule or len(variant.tracking) > 1 or variant.instance_type not in _types(problem):
        return None
    policy = variant.tracking[0] if variant.tracking else None
    if policy is not None and (policy.metric != INVOCATIONS or policy.disable_scale_in):
        return None
    function = settings.function or FunctionSettings()
    return Candidate(
        instance_type=variant.instance_type,
        kind="invocations" if policy else "fixed",
        level=policy.target_value / 60 if policy else problem.demand.peak / variant.initial_instance_count,
        min_capacity=variant.min_capacity if policy else variant.initial_instance_count,
        max_capacity=variant.max_capacity if policy else variant.initial_instance_count,
        out_cooldown=policy.scale_out_cooldown if policy else 300.0,
        in_cooldown=policy.scale_in_cooldown if policy else 300.0,
        routing=variant.routing_strategy,
        reserved=function.reserved_concurrent_executions,
        provisioned=function.provisioned_concurrent_executions,
        provisioned_scaling=function.provisioned_scaling,
    )


def rounded(value: float, digits: int = 2) -> float:
    """As people write a target: two significant digits."""
    return float(f"{value:.{digits}g}") if value > 0 else 0.0


def nice_level(rate: float) -> float:
    """The rate next to it at which the target, in invocations a minute, is round."""
    return rounded(max(rate * 60, 0.01)) / 60


def _types(problem: VariantProblem) -> set[str]:
    return set(problem.system.profiles)


def _variant(problem: VariantProblem, candidate: Candidate, variant: VariantSettings) -> VariantSettings:
    hours = _hours(problem, candidate) if candidate.kind.startswith("scheduled") else ()
    fixed = candidate.kind == "fixed"
    low = candidate.max_capacity if fixed else candidate.min_capacity
    planned = variant.model_copy(
        update={
            "instance_type": candidate.instance_type,
            "routing_strategy": candidate.routing,
            "min_capacity": low,
            "max_capacity": candidate.max_capacity,
            "initial_instance_count": low,
            "tracking": _tracking(problem, candidate),
            "steps": _steps(candidate, problem.demand) if candidate.kind == "step" else (),
            "schedule": hours,
        }
    )
    # It is deployed as it would stand at that time of the day, and not with the least that it may have.
    now = on_clock(Settings(variants=(planned,)), problem.clock).variants[0]
    standing_now = standing(now, problem.system, problem.demand.first)
    begun = {name: getattr(standing_now, name) for name in ("initial_instance_count", "min_capacity", "max_capacity")}
    return VariantSettings.model_validate({**planned.model_dump(), **begun})


def _tracking(problem: VariantProblem, candidate: Candidate) -> tuple[TrackingSettings, ...]:
    metric: TrackedMetric
    if candidate.kind in ("invocations", "scheduled and invocations"):
        metric, value = INVOCATIONS, round(candidate.level * 60, 6)
    elif candidate.kind == "concurrency":
        profile = problem.system.profiles[candidate.instance_type]
        metric, value = CONCURRENCY, max(0.01, rounded(sizing.concurrency(profile, candidate.level)))
    else:
        return ()
    return (
        TrackingSettings(
            metric=metric,
            target_value=value,
            scale_out_cooldown=candidate.out_cooldown,
            scale_in_cooldown=candidate.in_cooldown,
        ),
    )


def _steps(candidate: Candidate, demand: Demand) -> tuple[StepSettings, ...]:
    """One policy adds instances, more of them the further the metric is above the level; one takes them away singly."""
    threshold = round(candidate.level * 60, 6)
    needed = sizing.instances(demand.peak, candidate.level)
    few, many = max(1, math.ceil(needed / 8)), max(2, math.ceil(needed / 3))
    return (
        StepSettings(
            threshold=threshold,
            above=True,
            steps=(Step(adjustment=few), Step(bound=round(threshold / 2, 6), adjustment=many)),
            cooldown=candidate.out_cooldown,
        ),
        StepSettings(
            threshold=round(threshold * _STEP_IN, 6),
            above=False,
            periods=ONE_MINUTE.low,
            steps=(Step(adjustment=-1),),
            cooldown=candidate.in_cooldown,
        ),
    )


def _hours(problem: VariantProblem, candidate: Candidate) -> tuple[ScheduledCapacity, ...]:
    """For each hour of the day as many instances as bear its busiest five minutes, from ahead of a rise on; alone they
    are the whole fleet, beside a policy the least of it."""
    rates = problem.demand.hours or (problem.demand.peak,) * 24
    counts = [
        min(max(sizing.instances(rate, candidate.level), candidate.min_capacity), candidate.max_capacity)
        for rate in rates
    ]
    alone = candidate.kind == "scheduled"
    actions = []
    for hour, count in enumerate(counts):
        before = counts[hour - 1]
        if count == before:
            continue
        at = hour * _HOUR - (_LEAD if count > before else 0)
        actions.append(
            ScheduledCapacity(
                second_of_day=at % (24 * _HOUR),
                min_capacity=count,
                max_capacity=count if alone else candidate.max_capacity,
            )
        )
    if not actions:  # every hour takes the same
        count = counts[0]
        actions = [ScheduledCapacity(second_of_day=0, min_capacity=count, max_capacity=count)]
        if not alone:
            actions = [ScheduledCapacity(second_of_day=0, min_capacity=count, max_capacity=candidate.max_capacity)]
    return tuple(sorted(actions, key=lambda action: action.second_of_day))


def _function(function: FunctionSettings, candidate: Candidate) -> FunctionSettings:
    scaling = candidate.provisioned_scaling
    return function.model_copy(
        update={
            "reserved_concurrent_executions": candidate.reserved,
            "provisioned_concurrent_executions": scaling.min_capacity if scaling else candidate.provisioned,
            "provisioned_scaling": scaling,
        }
    )
