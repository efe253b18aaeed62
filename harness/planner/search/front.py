"""The Pareto front of cost against p99."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.planner.plan import SimulatedFigures
from harness.planner.search.evaluator import Trial

Ranked = tuple[Trial, SimulatedFigures]
"""A trial with its figures."""


def front(points: Sequence[Ranked], errors: float) -> list[Ranked]:
    """The trials that no other beats in both cost and p99, by the means; the cheapest first.

    Only trials with at most this share of errors are considered.
    """
    answered = [
        (figures.cost.hour, figures.p99.value, index)
        for index, (_, figures) in enumerate(points)
        if figures.p99.value is not None and (figures.errors.value or 0.0) <= errors
    ]
    best = math.inf
    kept = []
    for _, p99, index in sorted(answered):
        if p99 < best:
            best = p99
            kept.append(points[index])
    return kept
