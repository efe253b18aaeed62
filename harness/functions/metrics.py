"""Lambda's metrics with AWS's dimensions (Lambda guide, monitoring-metrics-types and monitoring-metrics-view)."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

from harness.backend.metrics import Metrics, Series, Unit
from harness.functions.rules.concurrency import FunctionConcurrency, ProvisionedConcurrency, Start
from harness.functions.rules.names import FunctionReference

NAMESPACE = "AWS/Lambda"


class FunctionMetrics:
    """Records what happens to requests.

    Each value goes to the function, to the resource by which it was called (``name`` or ``name:qualifier``), to the
    account as a whole and, for an alias, to the version that ran. Concurrency is recorded as each execution starts,
    so that its maximum is right; without a request none is, as on AWS.
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
        """An execution was admitted; the numbers include it."""
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
        """An execution that started is over, whatever became of it."""
        self._running[reference] -= 1
        if not self._running[reference]:
            del self._running[reference]

    def ended(self, reference: FunctionReference, version: str, duration: float, failed: bool) -> None:
        """duration: milliseconds, recorded to the hundredth as REPORT has it: few different ones are kept a minute."""
        self._count(reference, version, "Errors", 1 if failed else 0)
        for series in _series(reference, version, "Duration", "Milliseconds"):
            self._metrics.record(series, round(duration, 2))

    def count(self, reference: FunctionReference, name: str) -> None:
        """One of an asynchronous invocation's happenings, such as AsyncEventsReceived."""
        self._count(reference, "", name, 1)

    def event_age(self, reference: FunctionReference, milliseconds: float) -> None:
        for series in _series(reference, "", "AsyncEventAge", "Milliseconds"):
            self._metrics.record(series, round(milliseconds, 2))

    def _count(self, reference: FunctionReference, version: str, name: str, value: int) -> None:
        for series in _series(reference, version, name, "Count"):
            self._metrics.record(series, value)


@lru_cache(maxsize=4096)
def _series(reference: FunctionReference, version: str, name: str, unit: Unit) -> tuple[Series, ...]:
    """The account's series first. version: the one that ran, which only an alias' series name."""
    function = ("FunctionName", reference.name)
    resource = ("Resource", f"{reference.name}:{reference.qualifier}" if reference.qualifier else reference.name)
    dimensions: list[tuple[tuple[str, str], ...]] = [(), (function,), (function, resource)]
    if version and reference.qualifier not in (None, version):
        dimensions.append((("ExecutedVersion", version), function, resource))
    return tuple(Series(NAMESPACE, name, each, unit, reference.region) for each in dimensions)


@lru_cache(maxsize=64)
def _account(region: str, name: str) -> Series:
    return Series(NAMESPACE, name, (), "Count", region)
