"""Synthetic capacity profiles: made up, for tests only."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from harness.core.profile import Profile, Provenance, SampleAnswer, ServiceTimes


def constant(seconds: float, concurrency: int = 1) -> ServiceTimes:
    """Every request takes so long."""
    return ServiceTimes(concurrency=concurrency, quantiles=(seconds,) * 101)


def a_profile(**members: Any) -> Profile:
    """Two workers, 10 ms, loads at once; ``members`` say otherwise."""
    provenance = Provenance(
        measured_at=datetime(2026, 1, 1, tzinfo=UTC), machine="none: made up", method="made up for a test"
    )
    given: dict[str, Any] = {
        "name": "made-up",
        "provenance": provenance,
        "workers": 2,
        "service_times": (constant(0.01),),
        "load_seconds": 0.0,
        "memory": 0,
        "answer": SampleAnswer.of("application/json", b'["dog"]'),
    }
    return Profile(**{**given, **members})
