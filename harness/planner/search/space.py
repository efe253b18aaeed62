"""Where the search looks: candidates spread evenly over all that it varies, and the neighbours of one candidate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from scipy.stats import qmc

from harness.core import figures as text
from harness.functions.rules.concurrency import ACCOUNT_LIMIT, UNRESERVED_MINIMUM
from harness.hosting.rules.routing import Strategy
from harness.planner.plan import Objective
from harness.planner.search import sizing
from harness.planner.search.candidates import (
    IN_COOLDOWNS,
    OUT_COOLDOWNS,
    Candidate,
    Neighbour,
    PolicyKind,
    VariantProblem,
    nice_level,
)
from harness.planner.search.policy_kinds import INVOCATIONS, KINDS
from harness.simulator.settings import ProvisionedScaling

ROUTINGS: tuple[Strategy, ...] = ("RANDOM", "LEAST_OUTSTANDING_REQUESTS")
UTILIZATION = 0.70
"""The target for provisioned concurrency that the CDK's own example has (aws-cdk#23088)."""
_MOST_EXECUTIONS = ACCOUNT_LIMIT - UNRESERVED_MINIMUM
_LEAST_BUSY, _MOST_BUSY = 0.3, 0.95  # the levels tried, as parts of what an instance can answer
_MAXIMA = (0.75, 1.0, 1.25, 1.5, 2.0)  # the maxima tried, as multiples of the instances that the busiest minutes take
_MINIMA = (0.0, 0.25, 0.5, 0.75, 1.0)  # the minima tried: 0 is what the quietest minutes take, 1 the busiest
_RESERVED = (1.0, 1.5, 2.0, 3.0)  # as multiples of the concurrency that the busiest minute takes
_DIMENSIONS = 11
_POWER = 12  # Sobol's sequence has 4,096 points at most, some of which give the same candidate

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """All candidates. types: the instance types that can meet the objective; max_instances: the most of the variant."""

    problem: VariantProblem
    objective: Objective
    types: tuple[str, ...]
    max_instances: int

    @property
    def kinds(self) -> tuple[PolicyKind, ...]:
        days_alike = self.problem.demand.hours is not None
        return tuple(kind for kind in KINDS if days_alike or not kind.needs_days_alike)


def spread(space: SearchSpace, seed: int) -> Iterator[Candidate]:
    """Candidates that fill the space evenly (Sobol's sequence, scrambled by the seed); some come more than once."""
    for point in qmc.Sobol(_DIMENSIONS, seed=seed).random_base2(_POWER):
        yield _decoded(space, [float(draw) for draw in point])


def thumb(space: SearchSpace, instance_type: str) -> Candidate:
    """The candidate that AWS's rules of thumb give.

    target = the highest rate of one instance x 0.5 x 60 (SM guide, endpoint-scaling-loadtest); max = ceil(1.2 x the
    highest rate / that of one) and min = ceil(the lowest rate / that of one) (amazon-sagemaker-examples, the Inference
    Recommender notebook); the rest are AWS's defaults.
    """
    saturation = sizing.saturation(space.problem.system.profiles[instance_type])
    demand = space.problem.demand
    smallest = sizing.instances(demand.trough, saturation)
    return Candidate(
        instance_type=instance_type,
        policy=INVOCATIONS,
        level=saturation * 0.5,
        min_capacity=smallest,
        max_capacity=max(smallest, math.ceil(demand.minute / saturation * 1.2)),
    )


def neighbours(space: SearchSpace, candidate: Candidate) -> list[Neighbour]:
    """The candidates that differ in one setting."""
    changed = [*candidate.policy.neighbours(candidate), *_other_kinds(space, candidate)]
    if space.problem.base.function is not None:
        changed += _other_concurrency(space, candidate)
    different = [
        neighbour._replace(candidate=neighbour.candidate.policy.simplified(neighbour.candidate))
        for neighbour in changed
        if neighbour.candidate != candidate
    ]
    return [
        neighbour
        for neighbour in different
        if neighbour.candidate != candidate and _possible(space, neighbour.candidate)
    ]


def _possible(space: SearchSpace, candidate: Candidate) -> bool:
    """Whether AWS and the space take the candidate's bounds and concurrency."""
    if not 1 <= candidate.min_capacity <= candidate.max_capacity <= space.max_instances:
        return False
    scaling = candidate.provisioned_scaling
    provisioned = scaling.max_capacity if scaling else candidate.provisioned
    return candidate.reserved is None or (max(1, provisioned) <= candidate.reserved <= _MOST_EXECUTIONS)


def _decoded(space: SearchSpace, draws: Sequence[float]) -> Candidate:
    """The candidate that a point of the unit cube stands for."""
    kind_draw, type_draw, busy, low, high, out, back, route, reserve, provision, scale = draws
    demand = space.problem.demand
    policy = _pick([kind for kind in space.kinds for _ in range(kind.weight)], kind_draw)
    instance_type = _pick(space.types, type_draw)
    saturation = sizing.saturation(space.problem.system.profiles[instance_type])
    level = nice_level(saturation * (_LEAST_BUSY + (_MOST_BUSY - _LEAST_BUSY) * busy))
    highest = _within(space, math.ceil(sizing.instances(demand.peak, level) * _pick(_MAXIMA, high)))
    from_rate = demand.trough + (demand.peak - demand.trough) * _pick(_MINIMA, low)
    candidate = policy.drawn(
        Candidate(
            instance_type=instance_type,
            policy=policy,
            level=level,
            min_capacity=min(sizing.instances(from_rate, level), highest),
            max_capacity=highest,
            out_cooldown=_pick(OUT_COOLDOWNS, out),
            in_cooldown=_pick(IN_COOLDOWNS, back),
            routing=_pick(ROUTINGS, route),
        )
    )
    if space.problem.base.function is None:
        return candidate
    with_function = replace(
        candidate,
        reserved=_pick((None, *reserved(space)), reserve),
        provisioned=_pick((0, 0, *provisioned(space)), provision),
    )
    if scale < 0.25:
        with_function = replace(with_function, provisioned=0, provisioned_scaling=_provisioned_scaling(space))
    return with_function if _possible(space, with_function) else candidate


def _other_kinds(space: SearchSpace, candidate: Candidate) -> Iterator[Neighbour]:
    for policy in space.kinds:
        yield Neighbour("policy", policy.name, replace(candidate, policy=policy))
    for instance_type in space.types:
        yield Neighbour("instance_type", instance_type, replace(candidate, instance_type=instance_type))
    for routing in ROUTINGS:
        yield Neighbour("routing_strategy", routing, replace(candidate, routing=routing))


def _other_concurrency(space: SearchSpace, candidate: Candidate) -> Iterator[Neighbour]:
    for count in (None, *reserved(space)):
        value = "none" if count is None else str(count)
        yield Neighbour("reserved_concurrent_executions", value, replace(candidate, reserved=count))
    for count in (0, *provisioned(space)):
        held = replace(candidate, provisioned=count, provisioned_scaling=None)
        yield Neighbour("provisioned_concurrent_executions", str(count), held)
    scaling = _provisioned_scaling(space)
    value = f"{scaling.min_capacity} to {scaling.max_capacity} at {text.percent(scaling.target_value)}"
    yield Neighbour("provisioned_scaling", value, replace(candidate, provisioned=0, provisioned_scaling=scaling))


def reserved(space: SearchSpace) -> list[int]:
    """The reserved concurrencies worth trying: multiples of what the busiest minute takes."""
    need = executions(space, space.problem.demand.minute)
    return sorted({min(_MOST_EXECUTIONS, math.ceil(need * multiple) + 1) for multiple in _RESERVED})


def provisioned(space: SearchSpace) -> list[int]:
    """The provisioned concurrencies worth trying: what the mean and the busiest minute take."""
    rates = (space.problem.demand.mean, space.problem.demand.minute)
    return sorted({min(_MOST_EXECUTIONS, math.ceil(executions(space, rate))) for rate in rates})


def _provisioned_scaling(space: SearchSpace) -> ProvisionedScaling:
    demand = space.problem.demand
    low, high = (math.ceil(executions(space, rate)) for rate in (demand.trough, demand.minute))
    low = max(1, low)
    return ProvisionedScaling(min_capacity=low, max_capacity=max(low, math.ceil(high * 1.5)), target_value=UTILIZATION)


def executions(space: SearchSpace, rate: float) -> float:
    """Lambda executions at once at a rate of the variant's share: those that arrive in the time of one (Little's law),
    and three standard deviations of that where arrivals are independent."""
    problem = space.problem
    variant = next(variant for variant in problem.base.variants if variant.name == problem.variant)
    share = problem.base.traffic_share(variant)
    seconds = min(problem.system.profiles[instance_type].service_times[-1].mean for instance_type in space.types)
    busy = rate / share * (seconds + problem.system.function.overhead)
    return busy + 3 * math.sqrt(busy)


def _within(space: SearchSpace, count: int) -> int:
    return min(max(1, count), space.max_instances)


def _pick(values: Sequence[T], draw: float) -> T:
    """The value that a draw from 0 to 1 falls on, each as likely."""
    return values[min(int(draw * len(values)), len(values) - 1)]
