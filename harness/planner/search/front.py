"""The Pareto front of cost against p99. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.planner.plan import SimulatedFigures
from harness.planner.search.evaluator import Trial


def front(points: Sequence[tuple[Trial, SimulatedFigures]], errors: float) -> list[tuple[Trial, SimulatedFigures]]:
    """Of those within a share of errors, each that no other beats in cost and p99, by the means; the cheapest first."""
    within = [one for one in points if (one[1].errors.value or 0.0) <= errors and one[1].p99.value is not None]
    best = math.inf
    kept = []
    for one in sorted(within, key=lambda each: (each[1].cost.hour, each[1].p99.value)):
        p99 = one[1].p99.value
        if p99 is not None and p99 < best:
            best = p99
            kept.append(one)
    return kept
