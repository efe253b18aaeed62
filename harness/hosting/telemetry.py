"""A variant's CloudWatch metrics, by SageMaker's names, units and dimensions (SM guide, monitoring-cloudwatch)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from weakref import WeakKeyDictionary

from harness.backend.metrics import Metrics, Series, Unit
from harness.core import tasks
from harness.core.clock import Clock
from harness.hosting.fleet import Fleet
from harness.hosting.instances.base import Instance, ResourceUsage
from harness.hosting.rules.instance_types import memory_gib

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
_MINUTE = 60
_HIGH_RESOLUTION = 10
_ERRORS = ("Invocation4XXErrors", "Invocation5XXErrors", "InvocationModelErrors")


class VariantTelemetry:
    """Records a variant's requests and samples its instances; close() ends it.

    with_usage: whether the instances can tell what they use.

    A minute without a request gives zeros, so that an idle endpoint can be scaled in (SM guide,
    endpoint-auto-scaling-prerequisites).
    """

    def __init__(
        self,
        metrics: Metrics,
        clock: Clock,
        fleet: Fleet,
        *,
        region: str,
        endpoint: str,
        instance_type: str,
        with_usage: bool = True,
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._fleet = fleet
        dimensions = (("EndpointName", endpoint), ("VariantName", fleet.variant))

        def series(namespace: str, name: str, unit: Unit = "None", period: int = _MINUTE) -> Series:
            return Series(namespace, name, dimensions, unit, region, period)

        self._invocations = series(INVOCATIONS, "Invocations")
        self._per_instance = series(INVOCATIONS, "InvocationsPerInstance")
        self._model_latency = series(INVOCATIONS, "ModelLatency", "Microseconds")
        self._overhead_latency = series(INVOCATIONS, "OverheadLatency", "Microseconds")
        self._errors = tuple(series(INVOCATIONS, name) for name in _ERRORS)
        self._concurrent = series(INVOCATIONS, "ConcurrentRequestsPerModel", period=_HIGH_RESOLUTION)
        self._cpu = series(INSTANCES, "CPUUtilization", "Percent")
        self._memory = series(INSTANCES, "MemoryUtilization", "Percent")
        self._memory_bytes = memory_gib(instance_type) * 2**30
        self._busy: deque[int] = deque(maxlen=2)
        self._last: WeakKeyDictionary[Instance, tuple[float, ResourceUsage]] = WeakKeyDictionary()
        self._ends = [metrics.sample(_MINUTE, self._idle), metrics.sample(_HIGH_RESOLUTION, self._concurrency)]
        self._measuring = tasks.keep(self._measure, "measuring instances") if with_usage else None

    async def close(self) -> None:
        for end in self._ends:
            end()
        await tasks.stop(self._measuring)

    def arrived(self) -> None:
        """Records a request's arrival. It adds 1 / (instances in service at this moment) to InvocationsPerInstance."""
        minute = int(self._clock.now() // _MINUTE)
        if not self._busy or self._busy[-1] != minute:
            self._busy.append(minute)
        self._metrics.record(self._invocations, 1)
        if self._fleet.in_service:
            self._metrics.record(self._per_instance, 1 / self._fleet.in_service)

    def answered(self, status: int, model_seconds: float, overhead_seconds: float) -> None:
        """Records the container's answer. status: 0 if it gave none."""
        record = self._metrics.record
        record(self._model_latency, round(model_seconds * 1e6))
        record(self._overhead_latency, round(overhead_seconds * 1e6))
        failed = not 200 <= status < 300
        for series, error in zip(self._errors, (400 <= status < 500, status >= 500, failed), strict=True):
            record(series, int(error))

    def _idle(self) -> Iterator[tuple[Series, float]]:
        # This is called a moment after the minute's end.
        if round(self._clock.now() / _MINUTE) - 1 not in self._busy:
            for series in (self._invocations, self._per_instance, *self._errors):
                yield series, 0.0

    def _concurrency(self) -> Iterator[tuple[Series, float]]:
        """One value for each instance: its mean over the period. AWS does not publish how it samples."""
        for mean in self._fleet.concurrency():
            yield self._concurrent, mean

    async def _measure(self) -> None:
        while True:
            await self._clock.sleep(_MINUTE)
            for instance in self._fleet.instances:
                await tasks.attempt(self._record_usage(instance), "measuring an instance")

    async def _record_usage(self, instance: Instance) -> None:
        usage = await tasks.in_thread(instance.usage)
        if usage is None:
            return
        now = asyncio.get_running_loop().time()  # wall-clock seconds, like a process's CPU time
        last, self._last[instance] = self._last.get(instance), (now, usage)
        self._metrics.record(self._memory, min(100.0, 100 * usage.memory_bytes / self._memory_bytes))
        if last is not None and now > last[0]:
            used = max(0.0, usage.cpu_seconds - last[1].cpu_seconds)
            self._metrics.record(self._cpu, 100 * used / (now - last[0]))
