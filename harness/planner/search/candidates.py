"""What the search varies: a candidate in a few numbers, and the settings of a whole stack that it stands for.

A candidate is in terms that carry over from one policy kind or instance type to another: ``level`` is the rate that an
instance is to bear, whichever metric a policy goes by.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

from harness.core import figures as text
from harness.hosting.rules.routing import Strategy
from harness.planner.search import sizing
from harness.planner.search.demand import Demand
from harness.planner.search.warm_start import on_clock, standing
from harness.scaling.rules.tracking import DEFAULT_COOLDOWN
from harness.simulator.settings import (
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from harness.simulator.system import System

OUT_COOLDOWNS = (10.0, 30.0, 60.0, 120.0, 300.0)
IN_COOLDOWNS = (60.0, 120.0, 300.0, 600.0, 900.0)
"""The cooldowns, in seconds, that the search tries."""
_LEVELS = (0.7, 0.85, 1.15, 1.4)  # the levels beside a candidate's own, as multiples of it


@dataclass(frozen=True, slots=True)
class VariantProblem:
    """What all candidates have in common.

    base: the stack's own settings, in which the search varies the variant of that name and the function's concurrency.
    demand: the variant's share of the traffic. clock: the time of day at which the traffic begins, as in
    traffic.Traffic.clock.
    """

    base: Settings
    variant: str
    system: System
    demand: Demand
    clock: float = 0.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One point of the search space.

    level: requests a second that an instance is to bear. min_capacity, max_capacity: instances; a fixed fleet has
    max_capacity of them, and a schedule stays between the two. out_cooldown, in_cooldown: seconds. The other fields are
    as in settings.VariantSettings and settings.FunctionSettings; without a function they mean nothing.
    """

    instance_type: str
    policy: PolicyKind
    level: float
    min_capacity: int
    max_capacity: int
    out_cooldown: float = DEFAULT_COOLDOWN
    in_cooldown: float = DEFAULT_COOLDOWN
    routing: Strategy = "RANDOM"
    reserved: int | None = None
    provisioned: int = 0
    provisioned_scaling: ProvisionedScaling | None = None


class Neighbour(NamedTuple):
    """A candidate that differs from another in one setting. value: the setting's new value, in words."""

    setting: str
    value: str
    candidate: Candidate


class PolicyKind(ABC):
    """A way in which a variant's fleet scales; ``policy_kinds.KINDS`` is the registry.

    ``name`` is what a plan calls the kind. The spread draws a kind ``weight`` times as often as one of weight 1. A kind
    that ``needs_days_alike`` is considered only where the traffic's days are known to be alike.
    """

    name: ClassVar[str]
    weight: ClassVar[int] = 1
    needs_days_alike: ClassVar[bool] = False

    def __repr__(self) -> str:
        return self.name

    def smallest_fleet(self, candidate: Candidate) -> int:
        """The variant's MinCapacity."""
        return candidate.min_capacity

    def tracking(self, problem: VariantProblem, candidate: Candidate) -> tuple[TrackingSettings, ...]:
        return ()

    def steps(self, problem: VariantProblem, candidate: Candidate) -> tuple[StepSettings, ...]:
        return ()

    def schedule(self, problem: VariantProblem, candidate: Candidate) -> tuple[ScheduledCapacity, ...]:
        return ()

    def level_of(self, problem: VariantProblem, variant: VariantSettings) -> float | None:
        """The level of a stack's own variant; None unless its settings are those of a candidate of this kind."""
        return None

    def drawn(self, candidate: Candidate) -> Candidate:
        """A candidate that the spread drew, with the default for every number that this kind does not use."""
        return self.simplified(candidate)

    def simplified(self, candidate: Candidate) -> Candidate:
        """The simplest candidate that behaves as this one does."""
        return candidate

    def neighbours(self, candidate: Candidate) -> Iterator[Neighbour]:
        """Candidates of the same kind with one of the kind's own numbers changed."""
        yield from other_levels(candidate)
        yield from other_cooldowns(candidate)
        yield from other_bounds(candidate)


def settings_of(problem: VariantProblem, candidate: Candidate) -> Settings:
    """The settings of the whole stack that a candidate stands for."""
    variants = tuple(
        _variant(problem, candidate, variant) if variant.name == problem.variant else variant
        for variant in problem.base.variants
    )
    return Settings(variants=variants, function=problem.base.function and _function(problem.base.function, candidate))


def nice_level(rate: float) -> float:
    """The nearest rate whose target, in invocations a minute, is a round number."""
    return sizing.rounded(max(rate * 60, 0.01)) / 60


def other_levels(candidate: Candidate) -> Iterator[Neighbour]:
    for multiple in _LEVELS:
        level = nice_level(candidate.level * multiple)
        yield Neighbour("target_value", f"{level * 60:.4g} a minute", replace(candidate, level=level))


def other_cooldowns(candidate: Candidate) -> Iterator[Neighbour]:
    for seconds in _next_to(OUT_COOLDOWNS, candidate.out_cooldown):
        yield Neighbour("scale_out_cooldown", text.length_of_time(seconds), replace(candidate, out_cooldown=seconds))
    for seconds in _next_to(IN_COOLDOWNS, candidate.in_cooldown):
        yield Neighbour("scale_in_cooldown", text.length_of_time(seconds), replace(candidate, in_cooldown=seconds))


def other_bounds(candidate: Candidate) -> Iterator[Neighbour]:
    for sign in (-1, 1):
        largest = changed_by_a_quarter(candidate.max_capacity, sign)
        smallest = changed_by_a_quarter(candidate.min_capacity, sign)
        yield Neighbour("max_capacity", str(largest), replace(candidate, max_capacity=largest))
        yield Neighbour("min_capacity", str(smallest), replace(candidate, min_capacity=smallest))


def changed_by_a_quarter(instances: int, sign: int) -> int:
    """A quarter more (sign 1) or fewer (sign -1) instances, but at least one."""
    return instances + sign * max(1, round(instances / 4))


def _next_to(values: tuple[float, ...], value: float) -> list[float]:
    """The next smaller and the next greater of the values."""
    smaller = [other for other in values if other < value]
    greater = [other for other in values if other > value]
    return [*smaller[-1:], *greater[:1]]


def _variant(problem: VariantProblem, candidate: Candidate, variant: VariantSettings) -> VariantSettings:
    policy = candidate.policy
    smallest = policy.smallest_fleet(candidate)
    planned = variant.model_copy(
        update={
            "instance_type": candidate.instance_type,
            "routing_strategy": candidate.routing,
            "min_capacity": smallest,
            "max_capacity": candidate.max_capacity,
            "initial_instance_count": smallest,
            "tracking": policy.tracking(problem, candidate),
            "steps": policy.steps(problem, candidate),
            "schedule": policy.schedule(problem, candidate),
        }
    )
    # The stack is deployed with the fleet that it would have at that time of the day, not with the smallest one.
    now = on_clock(Settings(variants=(planned,)), problem.clock).variants[0]
    running = standing(now, problem.system, problem.demand.first)
    begun = {name: getattr(running, name) for name in ("initial_instance_count", "min_capacity", "max_capacity")}
    return VariantSettings.model_validate({**planned.model_dump(), **begun})


def _function(function: FunctionSettings, candidate: Candidate) -> FunctionSettings:
    scaling = candidate.provisioned_scaling
    return function.model_copy(
        update={
            "reserved_concurrent_executions": candidate.reserved,
            "provisioned_concurrent_executions": scaling.min_capacity if scaling else candidate.provisioned,
            "provisioned_scaling": scaling,
        }
    )
