"""Target tracking: the two alarms that a policy makes, and the capacity that it asks for.

Pure. Metric values and targets are in the metric's own unit: SageMakerVariantInvocationsPerInstance counts invocations
**per minute** per instance, not concurrent requests.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.scaling.rules.alarms import AlarmRule

DEFAULT_COOLDOWN = 300.0  # seconds, for SageMaker variants, out and in (Application Auto Scaling guide)
LOW_RATIO = 0.9  # AlarmLow's threshold as a part of the target (re:Post "SageMaker autoscaling delay")
STANDARD_HIGH, STANDARD_LOW = 3, 15  # one-minute datapoints (the same)
# Ten-second datapoints: 30 s and 15 min (aws/amazon-sagemaker-examples, sm-app_autoscaling_realtime_endpoints).
HIGH_RESOLUTION_HIGH, HIGH_RESOLUTION_LOW = 3, 90
# Minutes of ProvisionedConcurrencyUtilization above 70 %, or below 63 % (aws-cdk#23088).
LAMBDA_HIGH, LAMBDA_LOW = 3, 3
# "Scale-in is gradual" (Application Auto Scaling guide); by how much is not published. A tenth of the capacity, at
# least one, is our assumption: it takes longer than 25 minutes back from many instances, as re:Post saw.
SCALE_IN_FRACTION = 0.1
_ROUNDING = 1e-9  # what dividing and multiplying floats may add to a whole number


@dataclass(frozen=True, slots=True)
class TargetTracking:
    """A TargetTrackingScaling policy's settings. cooldowns: seconds; period: of the metric's datapoints, seconds.

    high_datapoints, low_datapoints: how many in a row AlarmHigh and AlarmLow need. scale_in_fraction: the part of the
    capacity that one scale-in removes at most.
    """

    target_value: float
    scale_out_cooldown: float = DEFAULT_COOLDOWN
    scale_in_cooldown: float = DEFAULT_COOLDOWN
    disable_scale_in: bool = False
    period: int = 60
    high_datapoints: int = STANDARD_HIGH
    low_datapoints: int = STANDARD_LOW
    scale_in_fraction: float = SCALE_IN_FRACTION

    @property
    def low_threshold(self) -> float:
        """AlarmLow's: for a target of 1500, 1350."""
        return float(f"{self.target_value * LOW_RATIO:.12g}")

    def high_rule(self) -> AlarmRule:
        periods = self.high_datapoints
        return AlarmRule(self.target_value, "GreaterThanThreshold", periods, periods, self.period)

    def low_rule(self) -> AlarmRule:
        periods = self.low_datapoints
        return AlarmRule(self.low_threshold, "LessThanThreshold", periods, periods, self.period)

    def needed(self, capacity: int, value: float) -> int:
        """The capacity that brings the metric to the target: in proportion, rounded up.

        The rule is not published; this one fits published traces.
        """
        return math.ceil(capacity * value / self.target_value - _ROUNDING)

    def scale_in(self, capacity: int, value: float) -> int:
        """The next capacity on the way down: what is needed, but not more than a fraction less at once."""
        step = max(1, int(capacity * self.scale_in_fraction))
        return max(self.needed(capacity, value), capacity - step)
