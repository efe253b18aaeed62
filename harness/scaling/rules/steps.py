"""Step scaling: which adjustment applies when the metric is so far past the alarm's threshold.

Sources: botocore, StepScalingPolicyConfiguration and StepAdjustment; Application Auto Scaling guide, step
scaling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from harness.scaling.rules.tracking import DEFAULT_COOLDOWN

AdjustmentType = Literal["ChangeInCapacity", "PercentChangeInCapacity", "ExactCapacity"]
Aggregation = Literal["Average", "Minimum", "Maximum"]


@dataclass(frozen=True, slots=True)
class StepAdjustment:
    """One step. lower, upper: bounds of (metric - threshold); None for no bound. adjustment: meant as the policy's
    AdjustmentType says."""

    adjustment: int
    lower: float | None = None
    upper: float | None = None

    def covers(self, difference: float, *, above: bool) -> bool:
        """Returns whether the step applies. Above the threshold it includes its lower bound, below it its upper one."""
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        return low <= difference < high if above else low < difference <= high


@dataclass(frozen=True, slots=True)
class StepScalingSettings:
    """The settings of a StepScaling policy. cooldown: seconds."""

    adjustment_type: AdjustmentType
    steps: tuple[StepAdjustment, ...]
    min_adjustment_magnitude: int = 0
    cooldown: float = DEFAULT_COOLDOWN
    aggregation: Aggregation = "Average"

    def apply(self, capacity: int, difference: float, *, above: bool) -> int:
        """Returns the new capacity when the metric is ``difference`` from its threshold; the same if no step applies.

        above: whether the alarm goes off above its threshold.
        """
        for step in self.steps:
            if step.covers(difference, above=above):
                return max(0, self._adjust(capacity, step.adjustment))
        return capacity

    def _adjust(self, capacity: int, adjustment: int) -> int:
        if self.adjustment_type == "ExactCapacity":
            return adjustment
        if self.adjustment_type == "ChangeInCapacity":
            return capacity + adjustment
        change = _whole(capacity * adjustment / 100)
        if change and abs(change) < self.min_adjustment_magnitude:
            change = int(math.copysign(self.min_adjustment_magnitude, change))
        return capacity + change


def _whole(change: float) -> int:
    """Rounds as AWS does: 12.7 to 12, 0.67 to 1, -0.58 to -1, -6.67 to -6 (Application Auto Scaling guide)."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return int(change)


def aggregate(values: Sequence[float], how: Aggregation) -> float:
    """Returns the datapoints of a breach as one value."""
    if how == "Maximum":
        return max(values)
    if how == "Minimum":
        return min(values)
    return sum(values) / len(values)
