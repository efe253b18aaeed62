"""The policy kinds of the search: what each one deploys, and which of a candidate's numbers it uses.

A further kind is one class here and one entry of ``KINDS``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from harness.planner import tracked_metrics
from harness.planner.search import sizing
from harness.planner.search.candidates import (
    Candidate,
    Neighbour,
    PolicyKind,
    VariantProblem,
    changed_by_a_quarter,
    other_bounds,
    other_levels,
)
from harness.planner.tracked_metrics import TrackingMetric
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN, ONE_MINUTE
from harness.simulator.settings import (
    FunctionSettings,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)

_LEAD = 600  # seconds that a scheduled action comes before its hour: instances take minutes to start
_STEP_IN = 0.5  # a step policy takes an instance away below this part of the level
_HOUR, _HOURS = 3600, 24


class FixedFleet(PolicyKind):
    """Always ``max_capacity`` instances; nothing scales."""

    name = "fixed"

    def smallest_fleet(self, candidate: Candidate) -> int:
        return candidate.max_capacity

    def level_of(self, problem: VariantProblem, variant: VariantSettings) -> float | None:
        return None if variant.scales else problem.demand.peak / variant.initial_instance_count

    def drawn(self, candidate: Candidate) -> Candidate:
        return replace(_without_cooldowns(candidate), min_capacity=candidate.max_capacity)

    def neighbours(self, candidate: Candidate) -> Iterator[Neighbour]:
        for sign in (-1, 1):
            instances = changed_by_a_quarter(candidate.max_capacity, sign)
            changed = replace(candidate, min_capacity=instances, max_capacity=instances)
            yield Neighbour("instances", str(instances), changed)


class _AlarmPolicy(PolicyKind):
    """Alarms on a metric change the fleet."""

    def simplified(self, candidate: Candidate) -> Candidate:
        """A fixed fleet where the bounds are equal: a policy has nothing to decide there."""
        if candidate.min_capacity < candidate.max_capacity:
            return candidate
        return replace(_without_cooldowns(candidate), policy=FIXED)


class _TargetTracking(_AlarmPolicy):
    metric: ClassVar[TrackingMetric]

    def tracking(self, problem: VariantProblem, candidate: Candidate) -> tuple[TrackingSettings, ...]:
        profile = problem.system.profiles[candidate.instance_type]
        return (
            TrackingSettings(
                metric=self.metric.name,
                target_value=self.metric.target(profile, candidate.level),
                scale_out_cooldown=candidate.out_cooldown,
                scale_in_cooldown=candidate.in_cooldown,
            ),
        )


class InvocationTracking(_TargetTracking):
    """One target tracking policy on invocations per instance."""

    name = "invocations"
    weight = 4
    metric = tracked_metrics.INVOCATIONS

    def level_of(self, problem: VariantProblem, variant: VariantSettings) -> float | None:
        if variant.steps or variant.schedule or len(variant.tracking) != 1:
            return None
        (policy,) = variant.tracking
        if policy.metric != self.metric.name or policy.disable_scale_in:
            return None
        return policy.target_value / 60


class ConcurrencyTracking(_TargetTracking):
    """One target tracking policy on concurrent requests, whose alarms have ten-second datapoints."""

    name = "concurrency"
    weight = 3
    metric = tracked_metrics.CONCURRENCY


class StepScaling(_AlarmPolicy):
    """One step policy adds instances, more of them the further the metric is above the level; another takes them away
    one at a time."""

    name = "step"

    def steps(self, problem: VariantProblem, candidate: Candidate) -> tuple[StepSettings, ...]:
        threshold = round(candidate.level * 60, 6)
        instances = sizing.instances(problem.demand.peak, candidate.level)
        few, many = max(1, math.ceil(instances / 8)), max(2, math.ceil(instances / 3))
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


class _DailySchedule(PolicyKind):
    """Scheduled actions change the fleet each day at the same times."""

    needs_days_alike = True

    def schedule(self, problem: VariantProblem, candidate: Candidate) -> tuple[ScheduledCapacity, ...]:
        """As many instances for each hour as bear its busiest five minutes, from ahead of a rise on."""
        rates = problem.demand.hours or (problem.demand.peak,) * _HOURS
        needed = [sizing.instances(rate, candidate.level) for rate in rates]
        counts = [min(max(count, candidate.min_capacity), candidate.max_capacity) for count in needed]
        actions = []
        for hour, count in enumerate(counts):
            before = counts[hour - 1]
            if count != before:
                second = hour * _HOUR - (_LEAD if count > before else 0)
                actions.append(self._action(second % (_HOURS * _HOUR), count, candidate))
        if not actions:  # every hour takes the same
            actions = [self._action(0, counts[0], candidate)]
        return tuple(sorted(actions, key=lambda action: action.second_of_day))

    def _action(self, second: int, count: int, candidate: Candidate) -> ScheduledCapacity:
        return ScheduledCapacity(second_of_day=second, min_capacity=count, max_capacity=count)


class Scheduled(_DailySchedule):
    """Scheduled actions set the whole fleet for each hour of the day."""

    name = "scheduled"

    def drawn(self, candidate: Candidate) -> Candidate:
        return _without_cooldowns(candidate)

    def neighbours(self, candidate: Candidate) -> Iterator[Neighbour]:
        yield from other_levels(candidate)
        yield from other_bounds(candidate)


class ScheduledInvocationTracking(_DailySchedule):
    """Scheduled actions set the smallest fleet for each hour; target tracking on invocations adds to it."""

    name = "scheduled and invocations"
    weight = 2

    def tracking(self, problem: VariantProblem, candidate: Candidate) -> tuple[TrackingSettings, ...]:
        return INVOCATIONS.tracking(problem, candidate)

    def _action(self, second: int, count: int, candidate: Candidate) -> ScheduledCapacity:
        return ScheduledCapacity(second_of_day=second, min_capacity=count, max_capacity=candidate.max_capacity)


INVOCATIONS, FIXED = InvocationTracking(), FixedFleet()
KINDS: tuple[PolicyKind, ...] = (
    INVOCATIONS,
    ConcurrencyTracking(),
    StepScaling(),
    FIXED,
    ScheduledInvocationTracking(),
    Scheduled(),
)
"""Every policy kind. The order is that in which the search draws and tries them: another one finds another plan."""


def candidate_of(problem: VariantProblem, settings: Settings) -> Candidate | None:
    """The candidate that stands for a stack's own settings; None where no policy kind has such settings."""
    variant = next(variant for variant in settings.variants if variant.name == problem.variant)
    if variant.instance_type not in problem.system.profiles:
        return None
    for policy in KINDS:
        level = policy.level_of(problem, variant)
        if level is not None:
            return _candidate(policy, level, variant, settings.function or FunctionSettings())
    return None


def _candidate(policy: PolicyKind, level: float, variant: VariantSettings, function: FunctionSettings) -> Candidate:
    tracking = variant.tracking[0] if variant.tracking else None
    return Candidate(
        instance_type=variant.instance_type,
        policy=policy,
        level=level,
        min_capacity=variant.min_capacity if variant.scales else variant.initial_instance_count,
        max_capacity=variant.max_capacity if variant.scales else variant.initial_instance_count,
        out_cooldown=tracking.scale_out_cooldown if tracking else DEFAULT_COOLDOWN,
        in_cooldown=tracking.scale_in_cooldown if tracking else DEFAULT_COOLDOWN,
        routing=variant.routing_strategy,
        reserved=function.reserved_concurrent_executions,
        provisioned=function.provisioned_concurrent_executions,
        provisioned_scaling=function.provisioned_scaling,
    )


def _without_cooldowns(candidate: Candidate) -> Candidate:
    """The candidate with AWS's default cooldowns, where nothing cools down."""
    return replace(candidate, out_cooldown=DEFAULT_COOLDOWN, in_cooldown=DEFAULT_COOLDOWN)
