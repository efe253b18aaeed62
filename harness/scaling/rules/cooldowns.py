"""The two cooldowns of a scalable target, which differ (Application Auto Scaling guide; botocore).

During the cooldown of a scale-out, what the policies ask for is still computed from the capacity before it, so that
only a larger need adds capacity again. During the cooldown of a scale-in, which is counted from its completion, no
other scale-in begins; a scale-out acts at once and cancels it. Scheduled actions and changed bounds ignore cooldowns.

Times are seconds on any clock that never runs backwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Cooldowns:
    """out_until, in_until: when the cooldowns end. base: the capacity before the scale-out whose cooldown runs."""

    out_until: float = -math.inf
    in_until: float = -math.inf
    base: int = 0
    _in_seconds: float = 0.0

    def base_for_scale_out(self, now: float, capacity: int) -> int:
        """Returns the capacity that adjustments start from. What was just added counts toward them."""
        return min(self.base, capacity) if now < self.out_until else capacity

    def blocks_scale_in(self, now: float) -> bool:
        return now < self.in_until

    def scaled_out(self, now: float, capacity: int, seconds: float) -> None:
        """A scale-out began at ``capacity``.

        Its cooldown begins with it. A cooldown that is shorter than the update therefore has no effect
        (aws/amazon-sagemaker-examples).
        """
        self.base = self.base_for_scale_out(now, capacity)
        self.out_until = now + seconds
        self.in_until = -math.inf

    def scaled_in(self, seconds: float) -> None:
        """A scale-in began. Its cooldown is counted from completed()."""
        self.in_until = math.inf
        self._in_seconds = seconds
        self.out_until = -math.inf

    def completed(self, now: float) -> None:
        """The change of capacity that was under way is complete."""
        if self.in_until == math.inf:
            self.in_until = now + self._in_seconds
