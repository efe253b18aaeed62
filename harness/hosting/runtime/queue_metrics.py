"""The metrics of an asynchronous endpoint's queue (SM guide, async-inference-monitor)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.backend.metrics import Metrics, Series, Unit
from harness.hosting.telemetry import INVOCATIONS


class QueueSample(NamedTuple):
    """A queue at one moment. size: requests that wait or are being served; oldest: seconds that one has waited."""

    size: int
    instances: int
    oldest: float


class QueueMetrics:
    """Records the metrics of one endpoint's queue."""

    def __init__(self, metrics: Metrics, region: str, endpoint: str) -> None:
        self._metrics = metrics
        self._region = region
        self._endpoint = endpoint

    def sample(self, take_sample: Callable[[], QueueSample]) -> Callable[[], None]:
        """Records a sample of the queue every minute. Returns a function that ends the sampling."""

        def sampler() -> Iterator[tuple[Series, float]]:
            size, instances, oldest = take_sample()
            yield self._of_queue("ApproximateBacklogSize", "Count"), size
            if instances:
                yield self._of_queue("ApproximateBacklogSizePerInstance", "Count"), size / instances
            yield self._of_queue("HasBacklogWithoutCapacity", "Count"), int(size > 0 and not instances)
            yield self._of_queue("ApproximateAgeOfOldestRequest", "Seconds"), oldest

        return self._metrics.sample(60, sampler)

    def worked_off(self, variant: str, *, failed: bool, waited: float, took: float) -> None:
        """Records a request that has ended. waited: seconds in the queue; took: seconds from arrival to the answer."""
        record = self._metrics.record
        record(self._of_variant(variant, "InvocationsProcessed", "Count"), 1)
        record(self._of_variant(variant, "InvocationFailures", "Count"), int(failed))
        record(self._of_variant(variant, "TimeInBacklog", "Milliseconds"), round(waited * 1e3))
        record(self._of_variant(variant, "TotalProcessingTime", "Milliseconds"), round(took * 1e3))

    def _of_queue(self, name: str, unit: Unit) -> Series:
        return Series(INVOCATIONS, name, (("EndpointName", self._endpoint),), unit, self._region)

    def _of_variant(self, variant: str, name: str, unit: Unit) -> Series:
        dimensions = (("EndpointName", self._endpoint), ("VariantName", variant))
        return Series(INVOCATIONS, name, dimensions, unit, self._region)
