"""Judges whether the figures of a run are the server's, or partly the load generator's own.

The rules bound the share of a reported latency that the generator may have caused: a tenth, up to the 99th percentile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute

from harness.core import figures as text
from harness.load.answers import DROPPED
from harness.load.histogram import Histogram
from harness.load.runs import Run

OWN_SHARE = 0.1
"""Share of the median latency that may be the generator's own."""
NEGLIGIBLE_SECONDS = 0.001
"""A delay of the generator below this does not count, and an arrival is not late."""
DROPPED_SHARE = 0.001
"""Share of the arrivals that may be dropped: a tenth of the requests beyond the 99th percentile."""
BUSY_CPU = 0.9
"""Cores in use above which a process has no room left, because it uses one at most; locust warns at the same share."""
BUSY_SHARE = 0.05
"""Share of its seconds in which a process may be that busy."""


@dataclass(frozen=True)
class Validity:
    """How the generator fared, and why the run is invalid.

    reasons: a sentence each; empty if the run is valid.
    arrivals: of the schedule until the run's end. dropped: never sent. late: sent more than 1 ms after their time.
    late_*, lag_*, overhead_*: seconds, None if unknown or not applicable (a closed loop has no arrivals).
    cpu_mean, cpu_max: cores that the busiest process used. busy: its share of seconds at 90 % of a core or more.
    outstanding_max: requests under way in one process, at most.
    """

    reasons: list[str]
    arrivals: int
    dropped: int
    late: int
    late_p50: float | None
    late_p99: float | None
    late_max: float | None
    lag_p50: float | None
    lag_p99: float | None
    lag_max: float | None
    cpu_mean: float | None
    cpu_max: float | None
    busy: float | None
    overhead_cpu: float | None
    overhead_p50: float | None
    outstanding_max: int | None

    @property
    def valid(self) -> bool:
        return not self.reasons

    @property
    def open_loop(self) -> bool:
        return self.arrivals > 0


def judge(run: Run) -> Validity:
    """Judge a recorded run."""
    table = run.requests
    is_dropped = pa.compute.fill_null(pa.compute.equal(table["error"], DROPPED), fill_value=False)
    dropped = int(pa.compute.sum(is_dropped).as_py() or 0)
    lateness = table.filter(pa.compute.invert(is_dropped))["late_s"].drop_null()
    late = _quantiles(lateness)
    lag = Histogram()
    for log in run.generators:
        for sample in log.samples:
            lag.add(sample.lag)
    cpus = [[sample.cpu for sample in log.samples] for log in run.generators if log.samples]
    busiest = max(cpus, key=lambda samples: sum(samples) / len(samples), default=[])
    overheads = [log.overhead for log in run.generators if log.overhead]
    figures: dict[str, Any] = {
        "arrivals": len(lateness) + dropped,
        "dropped": dropped,
        "late": int(pa.compute.sum(pa.compute.greater(lateness, NEGLIGIBLE_SECONDS)).as_py() or 0),
        "late_p50": late[0],
        "late_p99": late[1],
        "late_max": late[2],
        "lag_p50": lag.quantile(0.5),
        "lag_p99": lag.quantile(0.99),
        "lag_max": lag.quantile(1.0),
        "cpu_mean": sum(busiest) / len(busiest) if busiest else None,
        "cpu_max": max(busiest) if busiest else None,
        "busy": sum(cpu >= BUSY_CPU for cpu in busiest) / len(busiest) if busiest else None,
        "overhead_cpu": max((overhead.cpu_s for overhead in overheads), default=None),
        "overhead_p50": max((overhead.p50_s for overhead in overheads), default=None),
        "outstanding_max": max((sample.outstanding for log in run.generators for sample in log.samples), default=None),
    }
    reasons = _missing(run) + _reasons(figures, _least_median(table))
    return Validity(reasons=reasons, **figures)


def _missing(run: Run) -> list[str]:
    reasons = [] if len(run.requests) else ["No request was sent."]
    lost, workers = run.manifest.lost_workers, run.manifest.options.get("workers") or 0
    if lost:
        reasons.append(
            f"{lost} of {workers} workers went away before the end, and their share of the arrivals with them."
        )
    return reasons


def _reasons(figures: dict[str, Any], median: float | None) -> list[str]:
    reasons = []
    if figures["dropped"] > DROPPED_SHARE * figures["arrivals"]:
        reasons.append(
            f"{figures['dropped']:,} of {figures['arrivals']:,} arrivals were dropped, as too many requests were under "
            "way: raise --max-outstanding, or lower the rate."
        )
    if figures["busy"] is not None and figures["busy"] > BUSY_SHARE:
        reasons.append(
            f"The generator used {text.percent(BUSY_CPU)} of a core or more in {text.percent(figures['busy'])} of "
            "the seconds: spread the load over --processes, or lower it."
        )
    if median is None:
        return reasons
    allowed = max(NEGLIGIBLE_SECONDS, OWN_SHARE * median)
    for key, what in (
        ("late_p99", "One arrival in a hundred was sent {} late or later"),
        ("lag_p99", "The generator's event loop was {} late or later in one look of a hundred"),
        ("overhead_p50", "The generator's own part of a request is {}"),
    ):
        if figures[key] is not None and figures[key] > allowed:
            reasons.append(
                what.format(text.seconds(figures[key]))
                + f", against a median latency of {text.seconds(median)}: "
                + "the figures are partly the generator's own."
            )
    return reasons


def _least_median(table: pa.Table) -> float | None:
    """The lowest median latency of all request names, which the generator's delay falsifies most."""
    good = table.filter(pa.compute.is_null(table["error"]))
    medians = [
        float(pa.compute.quantile(good.filter(pa.compute.equal(good["name"], name))["response_s"], 0.5)[0].as_py())
        for name in pa.compute.unique(good["name"]).to_pylist()
    ]
    return min(medians, default=None)


def _quantiles(values: pa.ChunkedArray) -> tuple[float | None, float | None, float | None]:
    if not len(values):
        return None, None, None
    low, high, top = pa.compute.quantile(values, [0.5, 0.99, 1.0], interpolation="higher").to_pylist()
    return float(low), float(high), float(top)
