"""Lambda's metrics, with AWS's dimensions (Lambda guide, monitoring-metrics-types and monitoring-metrics-view)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from harness.backend.metrics import Metrics, Series, Unit
from harness.functions.rules.concurrency import FunctionConcurrency, ProvisionedConcurrency, Start
from harness.functions.rules.names import FunctionReference

NAMESPACE = "AWS/Lambda"


class FunctionMetrics:
    """Records the metrics of requests.

    Each value is recorded for the function, for the resource that the request named (``name`` or ``name:qualifier``),
    for the whole account and, if the request named an alias, for the version that ran. Concurrency is recorded whenever
    an execution starts, so that its maximum is right. As on AWS, it is not recorded while there are no requests.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._running: Counter[FunctionReference] = Counter()

    def throttled(self, reference: FunctionReference) -> None:
        self._count(reference, "", "Throttles", 1)

    def started(
        self,
        reference: FunctionReference,
        version: str,
        start: Start,
        concurrency: FunctionConcurrency,
        provisioned: ProvisionedConcurrency | None,
    ) -> None:
        """Record the start of an execution. The concurrency already includes it."""
        for name, value in (("Invocations", 1), ("Throttles", 0)):
            self._count(reference, version, name, value)
        record, region = self._metrics.record, reference.region
        self._running[reference] += 1
        account, function, *resources = _series(reference, version, "ConcurrentExecutions", "Count")
        record(account, concurrency.account.running)
        record(function, concurrency.running)
        for series in resources:
            record(series, self._running[reference])
        if concurrency.reserved is None and start is not Start.PROVISIONED:
            record(_account(region, "UnreservedConcurrentExecutions"), concurrency.account.on_demand)
        if provisioned is None or not provisioned.allocated:
            return
        spilled = start is not Start.PROVISIONED
        self._count(reference, version, "ProvisionedConcurrencyInvocations", 0 if spilled else 1)
        self._count(reference, version, "ProvisionedConcurrencySpilloverInvocations", 1 if spilled else 0)
        for series in _series(reference, version, "ProvisionedConcurrentExecutions", "Count")[1:]:
            record(series, provisioned.running)
        for series in _series(reference, version, "ProvisionedConcurrencyUtilization", "None")[1:]:
            record(series, provisioned.utilization or 0.0)

    def finished(self, reference: FunctionReference) -> None:
        """Count an execution as no longer running, whatever its result."""
        self._running[reference] -= 1
        if not self._running[reference]:
            del self._running[reference]

    def ended(self, reference: FunctionReference, version: str, duration: float, failed: bool) -> None:
        """Record the end of an execution.

        duration: milliseconds, rounded to hundredths as in REPORT, so that a minute has few distinct values to keep.
        """
        self._count(reference, version, "Errors", 1 if failed else 0)
        for series in _series(reference, version, "Duration", "Milliseconds"):
            self._metrics.record(series, round(duration, 2))

    def count(self, reference: FunctionReference, name: str) -> None:
        """Count one event in the life of an asynchronous invocation, such as AsyncEventsReceived."""
        self._count(reference, "", name, 1)

    def event_age(self, reference: FunctionReference, milliseconds: float) -> None:
        for series in _series(reference, "", "AsyncEventAge", "Milliseconds"):
            self._metrics.record(series, round(milliseconds, 2))

    def _count(self, reference: FunctionReference, version: str, name: str, value: int) -> None:
        for series in _series(reference, version, name, "Count"):
            self._metrics.record(series, value)


@lru_cache(maxsize=4096)
def _series(reference: FunctionReference, version: str, name: str, unit: Unit) -> tuple[Series, ...]:
    """All series of a value, the account's first. version: the one that ran; only an alias has a series for it."""
    function = ("FunctionName", reference.name)
    resource = ("Resource", f"{reference.name}:{reference.qualifier}" if reference.qualifier else reference.name)
    dimensions: list[tuple[tuple[str, str], ...]] = [(), (function,), (function, resource)]
    if version and reference.qualifier not in (None, version):
        dimensions.append((("ExecutedVersion", version), function, resource))
    return tuple(Series(NAMESPACE, name, series, unit, reference.region) for series in dimensions)


@lru_cache(maxsize=64)
def _account(region: str, name: str) -> Series:
    return Series(NAMESPACE, name, (), "Count", region)
