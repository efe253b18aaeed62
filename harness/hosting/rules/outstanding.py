"""Requests in flight on one instance, counted and averaged over time."""

from __future__ import annotations


class Outstanding:
    """The number of requests in flight, ``count``, and its mean between two calls of mean(). Times are seconds of any
    clock, always the same one."""

    def __init__(self, now: float) -> None:
        self.count = 0
        self._since = self._changed = now
        self._area = 0.0

    def enter(self, now: float) -> None:
        self._advance(now)
        self.count += 1

    def leave(self, now: float) -> None:
        self._advance(now)
        self.count -= 1

    def mean(self, now: float) -> float:
        """The mean number in flight since the last call of mean()."""
        self._advance(now)
        span = now - self._since
        mean = self._area / span if span > 0 else float(self.count)
        self._since, self._area = now, 0.0
        return mean

    def _advance(self, now: float) -> None:
        self._area += self.count * (now - self._changed)
        self._changed = now
