"""CloudWatch metrics as AWS publishes them: one datapoint per series and period of the clock, put into the backend.

Names, units and dimensions are the services' own (SageMaker guide, monitoring-cloudwatch; Lambda guide,
monitoring-metrics).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core.clock import Clock

log = logging.getLogger(__name__)

Unit = Literal["Count", "Microseconds", "Milliseconds", "Percent", "None", "Seconds", "Bytes", "Megabytes"]
# PutMetricData's limits (botocore, PutMetricDataInput and MetricDatum).
_MOST_SERIES, _MOST_VALUES = 1000, 150
# What history() can look back: longer than any alarm of Application Auto Scaling does.
_KEPT_SECONDS = 3 * 3600
# A minute is put a moment after it ended, so that what happened at its end is in it.
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Series:
    """One metric with its dimensions. period: seconds; 60, or 10 for a high-resolution metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: Unit
    region: str
    period: int = 60


@dataclass(slots=True)
class Datapoint:
    """What was recorded in one period: how often each value came."""

    counts: defaultdict[float, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, value: float) -> None:
        self.counts[value] += 1

    @property
    def total(self) -> float:
        return sum(value * count for value, count in self.counts.items())

    @property
    def samples(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """One period of one series that is over. start: Unix seconds."""

    start: float
    total: float
    samples: int
    minimum: float
    maximum: float

    def statistic(self, name: str) -> float:
        """By CloudWatch's name: Sum, Average, Minimum, Maximum or SampleCount."""
        if name == "Sum":
            return self.total
        if name == "Average":
            return self.total / self.samples
        return {"Minimum": self.minimum, "Maximum": self.maximum, "SampleCount": float(self.samples)}[name]


Sampler = Callable[[], Iterable[tuple[Series, float]]]
"""Called at the end of every period of its series; gives what is to be recorded even when nothing happened."""


class Metrics:
    """Records values, and puts each period's datapoints when it is over (and what is left at close())."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._open: dict[tuple[Series, int], Datapoint] = {}
        self._samplers: dict[int, list[Sampler]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._putting: set[asyncio.Task[None]] = set()
        self._history: dict[tuple[object, ...], deque[Summary]] = {}

    def history(
        self,
        namespace: str,
        name: str,
        dimensions: Iterable[tuple[str, str]],
        region: str,
        *,
        period: int = 60,
        since: float = 0.0,
    ) -> list[Summary] | None:
        """A series' periods that are over and began at ``since`` or later, oldest first; None for an unknown series.

        dimensions: in any order. period: seconds of its datapoints, as recorded.
        """
        kept = self._history.get((namespace, name, frozenset(dimensions), region, period))
        if kept is None:
            return None
        # From the newest back: what is asked for is the end of what is kept.
        found = list(itertools.takewhile(lambda summary: summary.start >= since, reversed(kept)))
        found.reverse()
        return found

    def record(self, series: Series, value: float) -> None:
        """Adds a value to the period of now. Cheap: no I/O."""
        key = (series, int(self._clock.now() // series.period))
        datapoint = self._open.get(key)
        if datapoint is None:
            datapoint = self._open[key] = Datapoint()
        datapoint.add(value)

    def sample(self, period: int, sampler: Sampler) -> Callable[[], None]:
        """Has ``sampler`` asked at the end of every ``period`` seconds; returns what ends that."""
        samplers = self._samplers.setdefault(period, [])
        samplers.append(sampler)
        return lambda: samplers.remove(sampler)

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run(period)) for period in (10, 60)]

    async def close(self) -> None:
        """Puts what is recorded, the running period included."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await asyncio.gather(*self._putting, self._put(self._open))
        self._open = {}

    async def _run(self, period: int) -> None:
        # Counted, not read off the clock: a put that takes longer than a period leaves none out.
        for index in itertools.count(int(self._clock.now() // period)):
            await self._clock.sleep((index + 1) * period - self._clock.now())
            for sampler in list(self._samplers.get(period, ())):
                for series, value in sampler():
                    key = (series, index)
                    self._open.setdefault(key, Datapoint()).add(value)
            await self._clock.sleep(_SETTLE_SECONDS)
            due = {key: self._open.pop(key) for key in list(self._open) if key[0].period == period and key[1] <= index}
            if due:
                self._keep(due)
                # Beside the loop: a slow backend delays no sampling.
                putting = asyncio.create_task(self._put(due))
                self._putting.add(putting)
                putting.add_done_callback(self._putting.discard)

    def _keep(self, due: dict[tuple[Series, int], Datapoint]) -> None:
        for (series, index), datapoint in due.items():
            key = (series.namespace, series.name, frozenset(series.dimensions), series.region, series.period)
            kept = self._history.get(key)
            if kept is None:
                kept = self._history[key] = deque(maxlen=_KEPT_SECONDS // series.period)
            counts = datapoint.counts
            start = float(index * series.period)
            kept.append(Summary(start, datapoint.total, datapoint.samples, min(counts), max(counts)))

    async def _put(self, due: dict[tuple[Series, int], Datapoint]) -> None:
        batches: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        for (series, index), datapoint in due.items():
            batches[series.region, series.namespace].append(_datum(series, index, datapoint))
        for (region, namespace), data in batches.items():
            for first in range(0, len(data), _MOST_SERIES):
                chunk = data[first : first + _MOST_SERIES]
                try:
                    await self._backend.call(
                        "cloudwatch", "put_metric_data", region=region, Namespace=namespace, MetricData=chunk
                    )
                except (ClientError, BotoCoreError) as error:
                    log.warning("%d datapoints of %s could not be put: %s", len(chunk), namespace, error)


def _datum(series: Series, index: int, datapoint: Datapoint) -> dict[str, Any]:
    datum: dict[str, Any] = {
        "MetricName": series.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in series.dimensions],
        "Timestamp": datetime.fromtimestamp(index * series.period, UTC),
        "Unit": series.unit,
        "StorageResolution": 60 if series.period >= 60 else 1,
    }
    # A value with a count of a thousand costs a backend that keeps each (moto) a thousand objects, a minute.
    if datapoint.samples <= _MOST_VALUES:
        return {**datum, "Values": list(datapoint.counts), "Counts": [float(n) for n in datapoint.counts.values()]}
    return {
        **datum,
        "StatisticValues": {
            "SampleCount": float(datapoint.samples),
            "Sum": datapoint.total,
            "Minimum": min(datapoint.counts),
            "Maximum": max(datapoint.counts),
        },
    }
