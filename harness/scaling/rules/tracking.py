"""Target tracking: the two alarms that a policy makes, and the capacity that it asks for.

Metric values and targets are in the unit of the metric: SageMakerVariantInvocationsPerInstance counts invocations
**per minute** per instance, not concurrent requests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.scaling.rules.alarms import AlarmRule
from harness.scaling.rules.timing import MINUTE


@dataclass(frozen=True, slots=True)
class AlarmDatapoints:
    """How many datapoints in a row AlarmHigh and AlarmLow need before they go to ALARM."""

    high: int
    low: int


ONE_MINUTE = AlarmDatapoints(high=3, low=15)  # one-minute metrics (re:Post "SageMaker autoscaling delay")
# Ten-second metrics: 30 s and 15 min (aws/amazon-sagemaker-examples, sm-app_autoscaling_realtime_endpoints).
HIGH_RESOLUTION = AlarmDatapoints(high=3, low=90)
# Minutes of ProvisionedConcurrencyUtilization (aws-cdk#23088).
UTILIZATION = AlarmDatapoints(high=3, low=3)

DEFAULT_COOLDOWN = 300.0  # seconds, for SageMaker variants, out and in (Application Auto Scaling guide)
LOW_RATIO = 0.9  # AlarmLow's threshold as a part of the target (re:Post "SageMaker autoscaling delay")
# "Scale-in is gradual" (Application Auto Scaling guide); how gradual is not published. We assume a tenth of the
# capacity, at least one: the way back from many instances then takes more than 25 minutes, as a re:Post user reports.
SCALE_IN_FRACTION = 0.1
_ROUNDING = 1e-9  # the error that dividing and multiplying floats may add to a whole number


@dataclass(frozen=True, slots=True)
class TargetTrackingSettings:
    """The settings of a TargetTrackingScaling policy.

    Cooldowns are in seconds. period: seconds that one datapoint of the metric covers. scale_in_fraction: the largest
    part of the capacity that one scale-in removes.
    """

    target_value: float
    scale_out_cooldown: float = DEFAULT_COOLDOWN
    scale_in_cooldown: float = DEFAULT_COOLDOWN
    disable_scale_in: bool = False
    period: int = MINUTE
    datapoints: AlarmDatapoints = ONE_MINUTE
    scale_in_fraction: float = SCALE_IN_FRACTION

    @property
    def low_threshold(self) -> float:
        """The threshold of AlarmLow: 1350 for a target of 1500."""
        return float(f"{self.target_value * LOW_RATIO:.12g}")

    def high_rule(self) -> AlarmRule:
        periods = self.datapoints.high
        return AlarmRule(self.target_value, "GreaterThanThreshold", periods, periods, self.period)

    def low_rule(self) -> AlarmRule:
        periods = self.datapoints.low
        return AlarmRule(self.low_threshold, "LessThanThreshold", periods, periods, self.period)

    def needed(self, capacity: int, value: float) -> int:
        """Returns the capacity that brings the metric to the target: in proportion, rounded up.

        AWS does not publish the rule. This one fits published traces.
        """
        return math.ceil(capacity * value / self.target_value - _ROUNDING)

    def scale_in(self, capacity: int, value: float) -> int:
        """Returns the next capacity of a scale-in: what is needed, but not less than one step below the present one."""
        step = max(1, int(capacity * self.scale_in_fraction))
        return max(self.needed(capacity, value), capacity - step)
