"""Where the search looks: a spread of choices over all that may be varied, and the neighbours of one choice. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from scipy.stats import qmc

from harness.functions.rules.concurrency import ACCOUNT_LIMIT, UNRESERVED_MINIMUM
from harness.hosting.rules.routing import Strategy
from harness.planner.plan import Objective
from harness.planner.search import sizing
from harness.planner.search.candidates import KINDS, Candidate, Kind, VariantProblem, nice_level
from harness.simulator.settings import ProvisionedScaling

OUT_COOLDOWNS = (10.0, 30.0, 60.0, 120.0, 300.0)
IN_COOLDOWNS = (60.0, 120.0, 300.0, 600.0, 900.0)
ROUTINGS: tuple[Strategy, ...] = ("RANDOM", "LEAST_OUTSTANDING_REQUESTS")
UTILIZATION = 0.70
"""Of provisioned concurrency: the target of the CDK's own example (aws-cdk#23088)."""
_LEAST_BUSY, _MOST_BUSY = 0.3, 0.95  # of what an instance can answer
_MAXIMA = (0.75, 1.0, 1.25, 1.5, 2.0)  # of the instances that the busiest minutes take
_MINIMA = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the way from what the quietest take to that
_RESERVED = (1.0, 1.5, 2.0, 3.0)  # of the concurrency that the busiest minute takes
# How often each kind is drawn: fleets without a policy have less to vary.
_DRAWN: tuple[Kind, ...] = ("invocations",) * 4 + ("concurrency",) * 3 + ("step", "fixed")
_DRAWN_DAILY: tuple[Kind, ...] = (*_DRAWN, "scheduled and invocations", "scheduled and invocations", "scheduled")
_DIMENSIONS = 11
_POWER = 12  # 4,096 points of the sequence at most, of which some fall together

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """types: instance types that can meet the objective at all; max_instances: of the variant, at most."""

    problem: VariantProblem
    objective: Objective
    types: tuple[str, ...]
    max_instances: int

    @property
    def kinds(self) -> tuple[Kind, ...]:
        return KINDS if self.problem.demand.hours is not None else KINDS[:4]


def spread(space: SearchSpace, seed: int) -> Iterator[Candidate]:
    """Choices that fill the space evenly (Sobol's sequence, scrambled by the seed); some come more than once."""
    for point in qmc.Sobol(_DIMENSIONS, seed=seed).random_base2(_POWER):
        yield _decoded(space, [float(each) for each in point])


def thumb(space: SearchSpace, instance_type: str) -> Candidate:
    """AWS's rules of thumb: target = the highest rate of one instance x 0.5 x 60 (SM guide, endpoint-scaling-loadtest),
    max = ceil(1.2 x the highest rate / that of one), min = ceil(the lowest / that of one) (amazon-sagemaker-examples,
    the Inference Recommender notebook), the rest AWS's defaults."""
    most = sizing.saturation(space.problem.system.profiles[instance_type])
    demand = space.problem.demand
    low = sizing.instances(demand.trough, most)
    return Candidate(
        instance_type=instance_type,
        kind="invocations",
        level=most * 0.5,
        min_capacity=low,
        max_capacity=max(low, math.ceil(demand.minute / most * 1.2)),
    )


def neighbours(space: SearchSpace, candidate: Candidate) -> list[tuple[str, str, Candidate]]:
    """Choices that differ in one setting: its name, its value in words, and the choice."""
    found = [*_of_variant(space, candidate), *(_of_function(space, candidate) if space.problem.base.function else ())]
    others = [(name, value, _plain(each)) for name, value, each in found if each != candidate]
    return [(name, value, each) for name, value, each in others if each != candidate and _possible(space, each)]


def _plain(candidate: Candidate) -> Candidate:
    """Where minimum and maximum are one number no policy has anything to decide: it is a fixed fleet."""
    if candidate.kind in ("invocations", "concurrency", "step") and candidate.min_capacity == candidate.max_capacity:
        return replace(candidate, kind="fixed", out_cooldown=300.0, in_cooldown=300.0)
    return candidate


def _possible(space: SearchSpace, candidate: Candidate) -> bool:
    if not 1 <= candidate.min_capacity <= candidate.max_capacity <= space.max_instances:
        return False
    scaling = candidate.provisioned_scaling
    held = scaling.max_capacity if scaling else candidate.provisioned
    return candidate.reserved is None or (max(1, held) <= candidate.reserved <= ACCOUNT_LIMIT - UNRESERVED_MINIMUM)


def _decoded(space: SearchSpace, draws: Sequence[float]) -> Candidate:
    kind_draw, type_draw, busy, low, high, out, back, route, reserve, provision, scale = draws
    demand = space.problem.demand
    kind = _pick(_DRAWN if demand.hours is None else _DRAWN_DAILY, kind_draw)
    instance_type = _pick(space.types, type_draw)
    most = sizing.saturation(space.problem.system.profiles[instance_type])
    level = nice_level(most * (_LEAST_BUSY + (_MOST_BUSY - _LEAST_BUSY) * busy))
    highest = _within(space, math.ceil(sizing.instances(demand.peak, level) * _pick(_MAXIMA, high)))
    from_rate = demand.trough + (demand.peak - demand.trough) * _pick(_MINIMA, low)
    lowest = min(sizing.instances(from_rate, level), highest)
    candidate = Candidate(
        instance_type=instance_type,
        kind=kind,
        level=level,
        min_capacity=highest if kind == "fixed" else lowest,
        max_capacity=highest,
        out_cooldown=_pick(OUT_COOLDOWNS, out),
        in_cooldown=_pick(IN_COOLDOWNS, back),
        routing=_pick(ROUTINGS, route),
    )
    if kind in ("fixed", "scheduled"):  # nothing cools down
        candidate = replace(candidate, out_cooldown=300.0, in_cooldown=300.0)
    candidate = _plain(candidate)
    if space.problem.base.function is None:
        return candidate
    with_function = replace(candidate, reserved=_pick((None, *reserved(space)), reserve))
    with_function = replace(with_function, provisioned=_pick((0, 0, *provisioned(space)), provision))
    if scale < 0.25:
        with_function = replace(with_function, provisioned=0, provisioned_scaling=_provisioned_scaling(space))
    return with_function if _possible(space, with_function) else candidate


def _of_variant(space: SearchSpace, candidate: Candidate) -> Iterator[tuple[str, str, Candidate]]:
    for times in (0.7, 0.85, 1.15, 1.4):
        level = nice_level(candidate.level * times)
        if candidate.kind != "fixed":
            yield "target_value", f"{level * 60:.4g} a minute", replace(candidate, level=level)
    if candidate.kind not in ("fixed", "scheduled"):
        for seconds in _beside(OUT_COOLDOWNS, candidate.out_cooldown):
            yield "scale_out_cooldown", f"{seconds:g} s", replace(candidate, out_cooldown=seconds)
        for seconds in _beside(IN_COOLDOWNS, candidate.in_cooldown):
            yield "scale_in_cooldown", f"{seconds:g} s", replace(candidate, in_cooldown=seconds)
    for by in (-1, 1):
        most = candidate.max_capacity + by * max(1, round(candidate.max_capacity / 4))
        least = candidate.min_capacity + by * max(1, round(candidate.min_capacity / 4))
        if candidate.kind == "fixed":
            yield "instances", str(most), replace(candidate, min_capacity=most, max_capacity=most)
        else:
            yield "max_capacity", str(most), replace(candidate, max_capacity=most)
            yield "min_capacity", str(least), replace(candidate, min_capacity=least)
    for kind in space.kinds:
        yield "policy", kind, replace(candidate, kind=kind)
    for instance_type in space.types:
        yield "instance_type", instance_type, replace(candidate, instance_type=instance_type)
    for routing in ROUTINGS:
        yield "routing_strategy", routing, replace(candidate, routing=routing)


def _of_function(space: SearchSpace, candidate: Candidate) -> Iterator[tuple[str, str, Candidate]]:
    for many in (None, *reserved(space)):
        yield "reserved_concurrent_executions", "none" if many is None else str(many), replace(candidate, reserved=many)
    for held in (0, *provisioned(space)):
        without = replace(candidate, provisioned=held, provisioned_scaling=None)
        yield "provisioned_concurrent_executions", str(held), without
    scaling = _provisioned_scaling(space)
    says = f"{scaling.min_capacity} to {scaling.max_capacity} at {scaling.target_value:.0%}"
    yield "provisioned_scaling", says, replace(candidate, provisioned=0, provisioned_scaling=scaling)


def reserved(space: SearchSpace) -> list[int]:
    """Reserved concurrency that is worth a look: multiples of what the busiest minute takes."""
    need = executions(space, space.problem.demand.minute)
    most = ACCOUNT_LIMIT - UNRESERVED_MINIMUM
    return sorted({min(most, math.ceil(need * times) + 1) for times in _RESERVED})


def provisioned(space: SearchSpace) -> list[int]:
    """Provisioned concurrency that is worth a look: what the mean and the busiest minute take."""
    most = ACCOUNT_LIMIT - UNRESERVED_MINIMUM
    rates = (space.problem.demand.mean, space.problem.demand.minute)
    return sorted({min(most, math.ceil(executions(space, rate))) for rate in rates})


def _provisioned_scaling(space: SearchSpace) -> ProvisionedScaling:
    low, high = (
        math.ceil(executions(space, rate)) for rate in (space.problem.demand.trough, space.problem.demand.minute)
    )
    low = max(1, low)
    return ProvisionedScaling(min_capacity=low, max_capacity=max(low, math.ceil(high * 1.5)), target_value=UTILIZATION)


def executions(space: SearchSpace, rate: float) -> float:
    """Lambda executions at once at a rate of the variant's share: as many as arrive in the time of one (Little's law),
    and three standard deviations of that where arrivals are independent."""
    problem = space.problem
    own = next(each for each in problem.base.variants if each.name == problem.variant)
    share = problem.base.traffic_share(own)
    seconds = min(problem.system.profiles[each].service_times[-1].mean for each in space.types)
    busy = rate / share * (seconds + problem.system.function.overhead)
    return busy + 3 * math.sqrt(busy)


def _within(space: SearchSpace, count: int) -> int:
    return min(max(1, count), space.max_instances)


def _pick(options: Sequence[T], draw: float) -> T:
    return options[min(int(draw * len(options)), len(options) - 1)]


def _beside(values: Sequence[float], value: float) -> list[float]:
    """The next smaller and the next greater of the values."""
    return [*[each for each in values if each < value][-1:], *[each for each in values if each > value][:1]]
