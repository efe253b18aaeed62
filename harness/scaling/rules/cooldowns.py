"""The two cooldowns of a scalable target, which are not alike (Application Auto Scaling guide; botocore).

After a scale-out the capacity rises again only to more than what the same look at the old capacity would ask for, until
the cooldown ends. After a scale-in no other begins until the cooldown, counted from its completion, ends; a scale-out
acts at once and cancels it. Scheduled actions and changed bounds know no cooldown.

Pure; seconds on any clock that never runs backwards.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class Cooldowns:
    """out_until, in_until: when they end. base: the capacity before the scale-out whose cooldown runs."""

    out_until: float = -math.inf
    in_until: float = -math.inf
    base: int = 0
    _in_seconds: float = 0.0

    def base_for_scale_out(self, now: float, capacity: int) -> int:
        """The capacity that adjustments start from: what was just added counts toward them."""
        return min(self.base, capacity) if now < self.out_until else capacity

    def blocks_scale_in(self, now: float) -> bool:
        return now < self.in_until

    def scaled_out(self, now: float, capacity: int, seconds: float) -> None:
        """capacity: the one before. A cooldown begins with the change itself: one shorter than the update that it
        starts has no effect (aws/amazon-sagemaker-examples)."""
        self.base = self.base_for_scale_out(now, capacity)
        self.out_until = now + seconds
        self.in_until = -math.inf

    def scaled_in(self, seconds: float) -> None:
        """The scale-in began; its cooldown is counted from completed()."""
        self.in_until = math.inf
        self._in_seconds = seconds
        self.out_until = -math.inf

    def completed(self, now: float) -> None:
        """The change of capacity that was under way is done."""
        if self.in_until == math.inf:
            self.in_until = now + self._in_seconds
