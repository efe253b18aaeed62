"""The outcome of a simulated run.

Times are in seconds, memory is in MB, and capacities are instances or environments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESOLUTION = 0.01
"""The largest width of a latency bucket, as a share of the latency."""


@dataclass(frozen=True, slots=True)
class SimulatedMinutes:
    """One value for each minute of the requests' clock, as float64 arrays of equal length.

    arrivals: first attempts. invocations: requests that reached the endpoint. throttles: Lambda's 429 answers.
    errors: requests that ended in an error of any kind, by the minute in which they began.
    p50, p99: percentiles of the latency; nan in a minute without an answer.
    in_service: the mean number of instances in service. desired: the instances wanted when the minute ended. Both
    count all variants together.
    per_instance: the metric InvocationsPerInstance of the first variant.
    queued: the mean number of requests that wait in model servers.
    concurrency: the mean number of Lambda executions. concurrency_peak: the largest number.
    alarm_high, alarm_low: 1 while an alarm that asks for more, or for less, is in ALARM.
    """

    arrivals: Floats
    invocations: Floats
    throttles: Floats
    errors: Floats
    p50: Floats
    p99: Floats
    in_service: Floats
    desired: Floats
    per_instance: Floats
    queued: Floats
    concurrency: Floats
    concurrency_peak: Floats
    alarm_high: Floats
    alarm_low: Floats


@dataclass(frozen=True, slots=True)
class Latencies:
    """A histogram of how many seconds callers waited for the requests that succeeded.

    edges: n + 1 ascending bounds. counts: n. A bucket is at most RESOLUTION wide, so a percentile is off by at most
    that.
    """

    edges: Floats
    counts: Ints

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def percentile(self, q: float) -> float:
        """Returns the seconds that a share ``q`` (0 to 1) of the requests does not exceed; nan without requests."""
        total = self.total
        if total == 0:
            return float("nan")
        index = int(np.searchsorted(np.cumsum(self.counts), max(1.0, np.ceil(q * total))))
        return float(self.edges[index + 1])


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """The outcome of one replication.

    seconds: the length of the traffic.
    requests: first attempts. succeeded: those that were answered well in the end.
    failures: requests that ended in an error, by its kind: ``throttled`` (Lambda's 429), ``queue_full`` (the model
    server's 503), ``model_error``, ``invocation_timeout`` (SageMaker's 60 s), ``function_timeout``, ``client_timeout``.
    throttles: 429 answers, including those that a retry made good. retries: attempts after the first.
    instance_seconds: from InService until the instance is removed, by instance type. Which of them are billed is for
    the prices to say.
    function_seconds: executions on demand. provisioned_seconds: executions on provisioned environments.
    held_seconds: provisioned environments, whether they were used or not.
    at_maximum: seconds in which a variant's desired capacity was at its max_capacity while an alarm asked for more.
    beyond_saturation: seconds in which an instance was offered more than its profile's measured saturation rate. For
    these the outcome is an extrapolation.
    changes: each change of capacity as (second, variant's index, desired capacity).
    """

    seed: int
    seconds: float
    requests: int
    succeeded: int
    failures: dict[str, int]
    throttles: int
    retries: int
    latencies: Latencies
    instance_seconds: dict[str, float]
    function_requests: int
    function_seconds: float
    provisioned_seconds: float
    held_seconds: float
    cold_starts: int
    at_maximum: float
    beyond_saturation: float
    series: SimulatedMinutes
    changes: tuple[tuple[float, int, int], ...] = ()

    @property
    def error_rate(self) -> float:
        return 1 - self.succeeded / self.requests if self.requests else 0.0
