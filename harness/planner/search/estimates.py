"""What replications say of a setting: means with confidence intervals, and differences of two settings. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy import special

from harness.core.prices import Prices
from harness.core.statistics import CONFIDENCE
from harness.planner.cost import BilledUsage, cost
from harness.planner.plan import Cost, Interval, Objective, SimulatedFigures
from harness.planner.search.replication import Replication
from harness.simulator.outcome import RESOLUTION
from harness.simulator.settings import FunctionSettings, Settings
from harness.simulator.system import System


def interval(
    values: Sequence[float], floor: float = 0.0, confidence: float = CONFIDENCE, resolution: float = 0.0
) -> Interval:
    """The mean of independent replications and Student's interval of it; from one alone there is no interval.

    floor: what the figure cannot be below; resolution: the share that each value may be off by, which the interval is
    then wider by: replications that agree on a bucket do not agree to the microsecond.
    """
    if not values or not all(math.isfinite(each) for each in values):
        return Interval(value=None)
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(value=mean)
    half = _t(len(values), confidence) * float(np.std(values, ddof=1)) / math.sqrt(len(values)) + resolution * mean
    return Interval(value=mean, low=max(floor, mean - half), high=mean + half)


def surely_more(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether ``one`` is the higher, by the interval of the paired differences on common random numbers."""
    differences = [first - second for first, second in zip(one, other, strict=False)]
    if len(differences) < 2 or not all(math.isfinite(each) for each in differences):
        return False
    found = interval(differences, -math.inf)
    return found.low is not None and found.low > 0


def _t(count: int, confidence: float) -> float:
    return float(special.stdtrit(count - 1, (1 + confidence) / 2))


def usage(replication: Replication, system: System) -> BilledUsage:
    """What a replication is billed for."""
    return BilledUsage(
        seconds=replication.seconds,
        instance_seconds=replication.instance_seconds,
        function_requests=replication.function_requests,
        function_seconds=replication.function_seconds,
        init_seconds=replication.cold_starts * system.function.cold_start,
        provisioned_seconds=replication.provisioned_seconds,
        held_seconds=replication.held_seconds,
    )


def costs(settings: Settings, replications: Sequence[Replication], system: System, prices: Prices) -> list[Cost]:
    """Of each replication."""
    memory = (settings.function or FunctionSettings()).memory_size
    return [cost(usage(each, system), memory, prices) for each in replications]


def figures(
    settings: Settings,
    replications: Sequence[Replication],
    system: System,
    prices: Prices,
    objective: Objective,
) -> SimulatedFigures:
    """A setting's figures. It meets the objective where the upper ends of the intervals of p99 and errors do."""

    def over(value: Callable[[Replication], float]) -> Interval:
        return interval([value(each) for each in replications])

    def percentile(q: float) -> Interval:
        return interval([each.percentile(q) for each in replications], resolution=RESOLUTION)

    def mean(value: Callable[[Replication], float]) -> float:
        return float(np.mean([value(each) for each in replications]))

    p99, errors = percentile(0.99), over(lambda each: each.error_rate)
    each_cost = costs(settings, replications, system, prices)
    return SimulatedFigures(
        replications=len(replications),
        p50=percentile(0.50),
        p95=percentile(0.95),
        p99=p99,
        errors=errors,
        throttles=over(lambda each: each.throttles),
        cost=Cost(
            instances=float(np.mean([one.instances for one in each_cost])),
            function=float(np.mean([one.function for one in each_cost])),
            provisioned=float(np.mean([one.provisioned for one in each_cost])),
            requests=float(np.mean([one.requests for one in each_cost])),
        ),
        mean_instances=mean(lambda each: each.mean_instances),
        peak_instances=max(each.peak_instances for each in replications),
        hours_at_maximum=mean(lambda each: each.at_maximum) / 3600,
        cold_starts=mean(lambda each: each.cold_starts),
        beyond_saturation=mean(lambda each: each.beyond_saturation),
        meets=_within(p99, objective.p99) and _within(errors, objective.errors),
    )


def _within(found: Interval, limit: float) -> bool:
    return found.high is not None and found.high <= limit


def shortfall(replications: Sequence[Replication], objective: Objective) -> float:
    """How far a setting misses the objective, by the means: 0 where it meets it, else a positive number to rank by.

    Of latency the share of requests above the objective counts, for it adds up where percentiles do not.
    """
    errors = max(0.0, float(np.mean([each.error_rate for each in replications])) - objective.errors)
    slow = max(0.0, float(np.mean([_above(each, objective.p99) for each in replications])) - 0.01)
    return errors + slow


def _above(replication: Replication, seconds: float) -> float:
    """The share of the answered requests that took longer, as percentile() would have it; 1 where none was answered."""
    total = float(replication.counts.sum())
    if total <= 0:
        return 1.0
    first = int(np.searchsorted(replication.edges, seconds, side="right"))
    return float(replication.counts[first - 1 if first else 0 :].sum()) / total
