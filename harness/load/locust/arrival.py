"""Marks a greenlet with the arrival it was started for, so that its first request counts from the intended start."""

from __future__ import annotations

from typing import Any

from gevent import getcurrent


def mark_arrival(greenlet: Any, intended: float) -> None:
    """Note that this greenlet's first request was to start at ``intended`` (time.perf_counter seconds)."""
    greenlet.intended_start = intended


def take_lateness(sent: float) -> float | None:
    """Seconds by which the request that the current greenlet sends now is late; None if it is not an arrival.

    sent: time.perf_counter seconds. Only the first request of an arrival is one: later requests of the same task follow
    from its answer, and count from their own sending.
    """
    current: Any = getcurrent()
    intended: float | None = getattr(current, "intended_start", None)
    if intended is None:
        return None
    current.intended_start = None
    return sent - intended
