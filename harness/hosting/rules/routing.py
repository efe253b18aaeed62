"""Which variant and which instance take a request. The caller draws the random numbers.

choose_by_weight(), choose_at_random() and choose_least() are plain loops over numbers, so that numba can compile them
for the simulator unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Strategy = Literal["RANDOM", "LEAST_OUTSTANDING_REQUESTS"]


def choose_by_weight(weights: Sequence[float], draw: float) -> int:
    """The index of the variant that a uniform draw in [0, 1) falls on, by traffic_share() (SageMaker guide,
    ProductionVariant).
    """
    if len(weights) == 0:
        raise ValueError("there is nothing to choose from")
    total = 0.0
    for weight in weights:
        total += weight
    if total <= 0:
        return choose_at_random(len(weights), draw)
    point = draw * total
    last = 0
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
        if weight > 0:
            last = index
    return last  # rounding left a rest


def traffic_share(weight: float, weights: Sequence[float]) -> float:
    """A variant's share of the requests: its weight over the sum of all weights, or an equal share if all are zero."""
    total = sum(weights)
    return weight / total if total else 1 / len(weights)


def choose_instance(outstanding: Sequence[int], strategy: Strategy, draw: float) -> int:
    """The index of the instance for a request; ``outstanding`` counts each instance's requests in flight.

    RANDOM is SageMaker's default. LEAST_OUTSTANDING_REQUESTS takes the least loaded instance, and one at random of
    equally loaded ones (botocore, ProductionVariant.RoutingConfig).
    """
    if not outstanding:
        raise ValueError("there is no instance to choose")
    if strategy == "RANDOM":
        return choose_at_random(len(outstanding), draw)
    return choose_least(outstanding, draw)


def choose_at_random(count: int, draw: float) -> int:
    """One of ``count`` indexes, all equally likely."""
    return min(int(draw * count), count - 1)


def choose_least(outstanding: Sequence[int], draw: float) -> int:
    """The index of the smallest count; equal ones are equally likely. There has to be at least one count."""
    least, ties = outstanding[0], 0
    for count in outstanding:
        if count < least:
            least, ties = count, 1
        elif count == least:
            ties += 1
    left = choose_at_random(ties, draw)
    for index, count in enumerate(outstanding):
        if count == least:
            if left == 0:
                return index
            left -= 1
    return len(outstanding) - 1  # not reached, because the ties were counted


def copies(shadow: float, production: float, draw: float) -> bool:
    """Whether a request is copied to a shadow variant.

    The share of requests that are copied is the shadow's weight over the production variant's, and at most 1 (SageMaker
    guide, shadow-tests) [inferred].
    """
    return draw * production < shadow if production > 0 else shadow > 0
