"""Searches for the highest rate that an instance keeps up with; the caller measures each rate."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.measure.loops import Loop

RESOLUTION = 0.03
"""The search ends when the bounds are closer to each other than this part."""
BEHIND = 0.03
"""An instance keeps up with a rate if at most this part of the requests is unanswered at the end, beside those in
service."""
LOWEST, HIGHEST = 0.6, 1.3
"""The bounds that the search begins with, as parts of the closed loop's throughput."""


def kept_up(loop: Loop, workers: int) -> bool:
    """Whether an instance kept up with an open loop: little was left unanswered, and nothing was refused."""
    if any(answer.reply.status in {0, 503} for answer in loop.answers):
        return False
    return loop.unanswered <= workers + max(1.0, BEHIND * len(loop.answers))


@dataclass
class SaturationSearch:
    """Bisection between ``low``, a rate that the instance keeps up with, and ``high``, a rate that is too much.

    Rates are in requests a second. tried: each rate, the rate of its answers, and whether the instance kept up.
    """

    low: float
    high: float
    tried: list[tuple[float, float, bool]] = field(default_factory=list)

    @classmethod
    def around(cls, throughput: float) -> SaturationSearch:
        return cls(LOWEST * throughput, HIGHEST * throughput)

    @property
    def done(self) -> bool:
        return self.high / self.low <= 1 + RESOLUTION

    @property
    def rate(self) -> float:
        """The next rate to try."""
        return (self.low + self.high) / 2

    def record(self, rate: float, answered_rate: float, kept: bool) -> None:
        self.tried.append((rate, answered_rate, kept))
        if kept:
            self.low = max(self.low, rate)
        else:
            self.high = min(self.high, rate)

    @property
    def saturation(self) -> float | None:
        """The highest rate of answers among the rates that the instance kept up with; None if there were none."""
        return max((answered for _, answered, kept in self.tried if kept), default=None)
