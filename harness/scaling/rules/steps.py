"""Step scaling: the adjustment that belongs to how far the metric is past the alarm's threshold.

Pure. Sources: botocore, StepScalingPolicyConfiguration and StepAdjustment; Application Auto Scaling guide, step
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
    """lower, upper: bounds of (metric - threshold); None is unbounded. adjustment: by the policy's AdjustmentType."""

    adjustment: int
    lower: float | None = None
    upper: float | None = None

    def covers(self, difference: float, *, above: bool) -> bool:
        """Above the threshold the lower bound is inside and the upper is not; below it the other way round."""
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        return low <= difference < high if above else low < difference <= high


@dataclass(frozen=True, slots=True)
class StepScaling:
    """A StepScaling policy's settings. cooldown: seconds."""

    adjustment_type: AdjustmentType
    steps: tuple[StepAdjustment, ...]
    min_adjustment_magnitude: int = 0
    cooldown: float = DEFAULT_COOLDOWN
    aggregation: Aggregation = "Average"

    def apply(self, capacity: int, difference: float, *, above: bool) -> int:
        """The capacity for a metric so far from its threshold; unchanged where no step covers it.

        above: whether the alarm's comparison is one of the greater-than kind.
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
    """12.7 is 12, 0.67 is 1, -0.58 is -1, -6.67 is -6 (Application Auto Scaling guide)."""
    if 0 < abs(change) < 1:
        return 1 if change > 0 else -1
    return int(change)


def aggregate(values: Sequence[float], how: Aggregation) -> float:
    """The datapoints of a breach as one value."""
    if how == "Maximum":
        return max(values)
    if how == "Minimum":
        return min(values)
    return sum(values) / len(values)
