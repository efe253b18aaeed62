"""What replications say of settings: means with confidence intervals, and the difference between two settings."""

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
    """The mean of independent replications and Student's interval of it; a single replication gives no interval.

    floor: what the figure cannot be below. resolution: the part by which each value may be off. The interval is wider
    by it, since replications that agree on a bucket do not agree to the microsecond.
    """
    if not values or not all(math.isfinite(value) for value in values):
        return Interval(value=None)
    mean = float(np.mean(values))
    if len(values) < 2:
        return Interval(value=mean)
    half = _t(len(values), confidence) * float(np.std(values, ddof=1)) / math.sqrt(len(values)) + resolution * mean
    return Interval(value=mean, low=max(floor, mean - half), high=mean + half)


def surely_more(values: Sequence[float], reference: Sequence[float]) -> bool:
    """Whether ``values`` are higher than ``reference``, by the interval of their differences, pair by pair.

    The pairs come from runs on common random numbers.
    """
    differences = [value - compared for value, compared in zip(values, reference, strict=False)]
    if len(differences) < 2 or not all(math.isfinite(difference) for difference in differences):
        return False
    low = interval(differences, -math.inf).low
    return low is not None and low > 0


def _t(count: int, confidence: float) -> float:
    """Student's quantile for the mean of ``count`` values."""
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
    """The cost of each replication."""
    memory = (settings.function or FunctionSettings()).memory_size
    return [cost(usage(replication, system), memory, prices) for replication in replications]


def figures(
    settings: Settings,
    replications: Sequence[Replication],
    system: System,
    prices: Prices,
    objective: Objective,
) -> SimulatedFigures:
    """The figures of settings. They meet the objective where the upper ends of the intervals of p99 and errors do."""

    def over(value: Callable[[Replication], float]) -> Interval:
        return interval([value(replication) for replication in replications])

    def percentile(q: float) -> Interval:
        return interval([replication.percentile(q) for replication in replications], resolution=RESOLUTION)

    def mean(value: Callable[[Replication], float]) -> float:
        return float(np.mean([value(replication) for replication in replications]))

    p99, errors = percentile(0.99), over(lambda run: run.error_rate)
    bills = costs(settings, replications, system, prices)
    return SimulatedFigures(
        replications=len(replications),
        p50=percentile(0.50),
        p95=percentile(0.95),
        p99=p99,
        errors=errors,
        throttles=over(lambda run: run.throttles),
        cost=Cost(
            instances=float(np.mean([bill.instances for bill in bills])),
            function=float(np.mean([bill.function for bill in bills])),
            provisioned=float(np.mean([bill.provisioned for bill in bills])),
            requests=float(np.mean([bill.requests for bill in bills])),
        ),
        mean_instances=mean(lambda run: run.mean_instances),
        peak_instances=max(run.peak_instances for run in replications),
        hours_at_maximum=mean(lambda run: run.at_maximum) / 3600,
        cold_starts=mean(lambda run: run.cold_starts),
        beyond_saturation=mean(lambda run: run.beyond_saturation),
        meets=_within(p99, objective.p99) and _within(errors, objective.errors),
    )


def _within(figure: Interval, limit: float) -> bool:
    return figure.high is not None and figure.high <= limit


def shortfall(replications: Sequence[Replication], objective: Objective) -> float:
    """How far settings miss the objective, by the means: 0 where they meet it, else a positive number to rank by.

    For latency it counts the share of requests above the objective, since shares add up and percentiles do not.
    """
    mean_errors = float(np.mean([replication.error_rate for replication in replications]))
    mean_slow = float(np.mean([_above(replication, objective.p99) for replication in replications]))
    return max(0.0, mean_errors - objective.errors) + max(0.0, mean_slow - 0.01)


def _above(replication: Replication, seconds: float) -> float:
    """The share of the answered requests that took longer, by the buckets that percentile() reads; 1 where none was
    answered."""
    total = float(replication.counts.sum())
    if total <= 0:
        return 1.0
    first = int(np.searchsorted(replication.edges, seconds, side="right"))
    return float(replication.counts[first - 1 if first else 0 :].sum()) / total
