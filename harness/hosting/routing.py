"""Which variant and which instance take a request. Pure: the random draws come from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Strategy = Literal["RANDOM", "LEAST_OUTSTANDING_REQUESTS"]


def choose_by_weight(weights: Sequence[float], draw: float) -> int:
    """The index that a uniform draw in [0, 1) falls on; all weights zero is an equal share.

    A variant's share of the traffic is its weight over the sum of weights (SageMaker guide, ProductionVariant).
    """
    if not weights:
        raise ValueError("there is nothing to choose from")
    total = sum(weights)
    if total <= 0:
        return min(int(draw * len(weights)), len(weights) - 1)
    point = draw * total
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return max(index for index, weight in enumerate(weights) if weight > 0)


def choose_instance(outstanding: Sequence[int], strategy: Strategy, draw: float) -> int:
    """The index of the instance for a request; ``outstanding`` counts each instance's requests in flight.

    RANDOM is SageMaker's default; LEAST_OUTSTANDING_REQUESTS takes the least loaded, ties at random (botocore,
    ProductionVariant.RoutingConfig).
    """
    if not outstanding:
        raise ValueError("there is no instance to choose")
    if strategy == "RANDOM":
        return min(int(draw * len(outstanding)), len(outstanding) - 1)
    least = min(outstanding)
    candidates = [index for index, count in enumerate(outstanding) if count == least]
    return candidates[min(int(draw * len(candidates)), len(candidates) - 1)]


def copies(shadow: float, production: float, draw: float) -> bool:
    """Whether a request is copied to a shadow variant.

    The share of copies is the shadow's weight over the production variant's, at most all (SageMaker guide,
    shadow-tests) [inferred].
    """
    return draw * production < shadow if production > 0 else shadow > 0
