"""What a setting gives under a traffic: the answer of the simulator, and in the same shape that of a live run.

Times are seconds, memory is MB, capacities instances or environments.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RESOLUTION = 0.01
"""The widest that a bucket of latencies is, as a share of them."""


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each minute of the traffic's clock (float64 arrays of equal length).

    arrivals: first attempts; invocations: that reached the endpoint; throttles: 429 of Lambda; errors: requests that
    ended in an error of any kind, by the minute they began in. p50, p99: of latency, nan in a minute without an
    answer. in_service, desired: instances, mean and at the minute's end, of all variants together. per_instance: the
    metric InvocationsPerInstance of the first variant. queued: requests waiting in model servers, mean. concurrency:
    Lambda executions, mean; concurrency_peak: at most. alarm_high, alarm_low: 1 while in ALARM.
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
    """A histogram of what callers waited, seconds, of the requests that were answered well.

    edges: ascending, n + 1; counts: n. Buckets are at most RESOLUTION wide, so that is what a percentile is off by.
    """

    edges: Floats
    counts: Ints

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def percentile(self, q: float) -> float:
        """Seconds that a share ``q`` (0 to 1) of the requests does not exceed; nan without any."""
        total = self.total
        if total == 0:
            return float("nan")
        index = int(np.searchsorted(np.cumsum(self.counts), max(1.0, np.ceil(q * total))))
        return float(self.edges[index + 1])


@dataclass(frozen=True, slots=True)
class Outcome:
    """One replication.

    requests: first attempts; succeeded: answered well in the end. failures: requests that ended in an error, by what
    ended them: ``throttled`` (Lambda 429), ``queue_full`` (the model server's 503), ``model_error``,
    ``invocation_timeout`` (60 s), ``function_timeout``, ``client_timeout``. throttles: 429 answers, those that a retry
    mended among them; retries: attempts beyond the first.
    instance_seconds: from InService until it is removed, by instance type; billed instance seconds are the price's
    business. function_seconds: executing, on demand; provisioned_seconds: executing on provisioned; held_seconds:
    provisioned environments held; cold_starts. seconds: the length of the traffic.
    at_maximum: seconds that a variant's desired capacity stood at its max_capacity while an alarm asked for more.
    beyond_saturation: seconds in which an instance was offered more than the profile's measured saturation rate: there
    the answer is an extrapolation.
    changes: (second, variant's index, desired capacity) of each change.
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
    series: Series
    changes: tuple[tuple[float, int, int], ...] = ()

    @property
    def error_rate(self) -> float:
        return 1 - self.succeeded / self.requests if self.requests else 0.0
