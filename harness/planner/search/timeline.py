"""A run's minutes and latencies as a plan keeps them: few enough points to draw, and few enough digits to read."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.planner.plan import Distribution, MinuteSeries
from harness.planner.search.replication import Replication
from harness.simulator.outcome import Floats, SimulationOutcome

MOST_POINTS = 1440  # a day's minutes
_DIGITS = 4
_PROBABILITIES = (
    *(n / 100 for n in range(1, 100)),
    *(0.99 + n / 1000 for n in range(1, 10)),
    *(0.999 + n / 10_000 for n in range(1, 10)),
)


def minutes(label: str, outcome: SimulationOutcome) -> MinuteSeries:
    """The whole traffic of one run by the minute; for long traffic, one value stands for several minutes."""
    series = outcome.series
    together = max(1, math.ceil(len(series.arrivals) / MOST_POINTS))

    def mean(values: Floats) -> list[float]:
        return [_short(value) for value in _grouped(values, together, np.nanmean)]

    def most(values: Floats) -> list[float]:
        return [_short(value) for value in _grouped(values, together, np.nanmax)]

    def known(values: list[float]) -> list[float | None]:
        return [None if math.isnan(value) else value for value in values]

    return MinuteSeries(
        label=label,
        step=60.0 * together,
        arrivals=mean(series.arrivals),
        in_service=mean(series.in_service),
        desired=mean(series.desired),
        per_instance=mean(series.per_instance),
        queued=mean(series.queued),
        p50=known(mean(series.p50)),
        p99=known(most(series.p99)),
        concurrency=mean(series.concurrency),
        concurrency_peak=most(series.concurrency_peak),
        throttles=mean(series.throttles),
        errors=mean(series.errors),
        alarm_high=most(series.alarm_high),
        alarm_low=most(series.alarm_low),
    )


def distribution(label: str, runs: Sequence[Replication]) -> Distribution | None:
    """The latencies of all runs together; None if no request was answered."""
    counts = np.sum([run.counts for run in runs], axis=0)
    total = float(counts.sum())
    if total <= 0:
        return None
    reached = np.cumsum(counts)
    buckets = np.searchsorted(reached, np.array(_PROBABILITIES) * total * (1 - 1e-12))
    seconds = runs[0].edges[np.minimum(buckets, len(counts) - 1) + 1]
    return Distribution(
        label=label,
        probabilities=[round(probability, 6) for probability in _PROBABILITIES],
        seconds=[_short(float(latency)) for latency in seconds],
    )


def _grouped(values: Floats, together: int, function: Callable[..., NDArray[np.float64]]) -> list[float]:
    missing = -len(values) % together
    rows = np.concatenate([values, np.full(missing, np.nan)]).reshape(-1, together)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a group without any value becomes nan
        return [float(value) for value in function(rows, axis=1)]


def _short(value: float) -> float:
    return value if math.isnan(value) else float(f"{value:.{_DIGITS}g}")
