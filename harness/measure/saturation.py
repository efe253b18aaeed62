"""The search for the highest rate that an instance keeps up with. Pure: the measuring is the caller's."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.measure.loops import Loop

RESOLUTION = 0.03
"""The search ends when the rates kept up with and not are closer than this part."""
BEHIND = 0.03
"""Of the requests may be unanswered at the end, beside those in service, of a rate that was kept up with."""
LOWEST, HIGHEST = 0.6, 1.3
"""Where the search begins, as parts of the closed loop's throughput."""


def kept_up(loop: Loop, workers: int) -> bool:
    """Whether an open loop left no more behind than its workers had at hand, and nothing was refused."""
    if any(one.reply.status in {0, 503} for one in loop.answers):
        return False
    return loop.unanswered <= workers + max(1.0, BEHIND * len(loop.answers))


@dataclass
class SaturationSearch:
    """Bisection between ``low``, taken as kept up with, and ``high``, taken as too much; rates in requests a second."""

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

    def found(self, rate: float, answered_rate: float, kept: bool) -> None:
        self.tried.append((rate, answered_rate, kept))
        if kept:
            self.low = max(self.low, rate)
        else:
            self.high = min(self.high, rate)

    @property
    def saturation(self) -> float | None:
        """The most that was answered a second at a rate that was kept up with; None where none was."""
        return max((answered for _, answered, kept in self.tried if kept), default=None)
