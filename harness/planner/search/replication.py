"""A replication: one simulated run of settings, over the whole traffic or over windows that stand for it.

A job is small and can be pickled; what all jobs have in common goes to each worker once, as its context. A replication
depends on its job alone, so that it does not matter which process computes it, nor when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import starmap

import numpy as np

from harness.load.schedule import Schedule
from harness.load.traffic import bins
from harness.planner.search.warm_start import on_clock, warm_started
from harness.simulator.outcome import Floats, SimulationOutcome
from harness.simulator.settings import Settings
from harness.simulator.system import System

_FIRST = 300.0  # seconds of a window over which the rate that it begins with is averaged
Simulate = Callable[..., SimulationOutcome]
"""simulate(settings, system, traffic, *, seed) -> SimulationOutcome"""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the traffic.

    weight: how many such parts it stands for. start: its first moment, in seconds of the clock that scheduled capacity
    goes by (traffic.Traffic.clock). whole: it is the traffic itself. Settings start in it as they are deployed, and in
    any other window as they would run at its first rate.
    """

    traffic: Schedule
    weight: float = 1.0
    start: float = 0.0
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    """What every worker holds. windows: by name, such as evaluator.SCREENING."""

    windows: dict[str, tuple[Window, ...]]
    simulate: Simulate


@dataclass(frozen=True, slots=True)
class SimulationJob:
    """Asks for a simulation of ``settings`` under the windows named ``traffic``, with their rates times ``multiple``.

    Two jobs with the same seed have the same arrivals and the same draws (common random numbers). keep: the replication
    is to contain the whole outcome.
    """

    settings: Settings
    system: System
    traffic: str
    seed: int
    multiple: float = 1.0
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Replication:
    """The figures of one job, summed over its windows by their weights. The fields are as in SimulationOutcome.

    counts: requests in each bucket between ``edges``. kept: the outcome, if the job asked for it and had one window.
    """

    seconds: float
    requests: float
    succeeded: float
    failures: dict[str, float]
    throttles: float
    edges: Floats
    counts: Floats
    instance_seconds: dict[str, float]
    function_requests: float
    function_seconds: float
    provisioned_seconds: float
    held_seconds: float
    cold_starts: float
    at_maximum: float
    beyond_saturation: float
    peak_instances: int
    kept: SimulationOutcome | None = field(default=None, compare=False)

    @property
    def error_rate(self) -> float:
        return 1 - self.succeeded / self.requests if self.requests else 0.0

    @property
    def mean_instances(self) -> float:
        return sum(self.instance_seconds.values()) / self.seconds

    def percentile(self, q: float) -> float:
        """Seconds, as outcome.Latencies counts them; infinite if no request was answered."""
        total = float(self.counts.sum())
        if total <= 0:
            return float("inf")
        index = int(np.searchsorted(np.cumsum(self.counts), q * total * (1 - 1e-12)))
        return float(self.edges[min(index, len(self.counts) - 1) + 1])


def run(context: Context, job: SimulationJob) -> Replication:
    """Simulates each window of a job, and adds them up."""
    windows = context.windows[job.traffic]
    outcomes = []
    for index, window in enumerate(windows):
        traffic = window.traffic if job.multiple == 1 else window.traffic.scaled(job.multiple)
        settings = on_clock(job.settings, window.start)
        if not window.whole:
            settings = warm_started(settings, job.system, float(bins(traffic, _FIRST)[0]))
        # Windows are parts of one traffic, so that each needs draws of its own.
        seed = job.seed if len(windows) == 1 else job.seed + 1_000_003 * index
        outcomes.append((window.weight, context.simulate(settings, job.system, traffic, seed=seed)))
    return _weighted_sum(outcomes, keep=job.keep and len(windows) == 1)


def _weighted_sum(parts: list[tuple[float, SimulationOutcome]], *, keep: bool) -> Replication:
    def total(name: str) -> float:
        return float(sum(weight * getattr(outcome, name) for weight, outcome in parts))

    def by_key(name: str) -> dict[str, float]:
        keys = sorted({key for _, outcome in parts for key in getattr(outcome, name)})
        return {
            key: float(sum(weight * getattr(outcome, name).get(key, 0) for weight, outcome in parts)) for key in keys
        }

    first = parts[0][1]
    if not all(np.array_equal(outcome.latencies.edges, first.latencies.edges) for _, outcome in parts):
        raise ValueError("the outcomes of one simulator have one scale of latencies")
    counts = np.sum([weight * outcome.latencies.counts for weight, outcome in parts], axis=0)
    return Replication(
        seconds=total("seconds"),
        requests=total("requests"),
        succeeded=total("succeeded"),
        failures=by_key("failures"),
        throttles=total("throttles"),
        edges=first.latencies.edges,
        counts=np.asarray(counts, dtype=np.float64),
        instance_seconds=by_key("instance_seconds"),
        function_requests=total("function_requests"),
        function_seconds=total("function_seconds"),
        provisioned_seconds=total("provisioned_seconds"),
        held_seconds=total("held_seconds"),
        cold_starts=total("cold_starts"),
        at_maximum=total("at_maximum"),
        beyond_saturation=total("beyond_saturation"),
        peak_instances=max(starmap(_peak, parts)),
        kept=first if keep else None,
    )


def _peak(_: float, outcome: SimulationOutcome) -> int:
    """The most instances, by the mean of each minute."""
    return int(np.ceil(np.nanmax(outcome.series.in_service) - 1e-9)) if len(outcome.series.in_service) else 0
