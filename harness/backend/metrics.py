"""Publishes metrics to the backend's CloudWatch as AWS does: one datapoint for each series and period of the clock.

The services choose names, units and dimensions (SageMaker guide, monitoring-cloudwatch; Lambda guide,
monitoring-metrics).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core import tasks
from harness.core.clock import Clock

log = logging.getLogger(__name__)

Unit = Literal["Count", "Microseconds", "Milliseconds", "Percent", "None", "Seconds", "Bytes", "Megabytes"]
# PutMetricData's limits (botocore, PutMetricDataInput and MetricDatum).
_MOST_SERIES, _MOST_VALUES = 1000, 150
# How far history() looks back: longer than any alarm of Application Auto Scaling.
_KEPT_SECONDS = 3 * 3600
# A period is put this long after its end, so that it has the values of its last moments.
_SETTLE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Series:
    """A metric with its dimensions. period: seconds; 60, or 10 for a high-resolution metric."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    unit: Unit
    region: str
    period: int = 60


@dataclass(slots=True)
class Datapoint:
    """The values recorded in one period, each with how often it came."""

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
    """The statistics of a period that is over. start: Unix seconds."""

    start: float
    total: float
    samples: int
    minimum: float
    maximum: float

    def statistic(self, name: str) -> float:
        """A statistic by CloudWatch's name: Sum, Average, Minimum, Maximum or SampleCount."""
        if name == "Sum":
            return self.total
        if name == "Average":
            return self.total / self.samples
        return {"Minimum": self.minimum, "Maximum": self.maximum, "SampleCount": float(self.samples)}[name]


Sampler = Callable[[], Iterable[tuple[Series, float]]]
"""Called at the end of every period: gives values to record, also when nothing happened."""


class Metrics:
    """Records values, and puts a period's datapoints into the backend when the period is over."""

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
        """A series' periods that are over and began at ``since`` or later, the oldest first; None if it is unknown.

        dimensions: in any order. period: the series' own, in seconds.
        """
        summaries = self._history.get((namespace, name, frozenset(dimensions), region, period))
        if summaries is None:
            return None
        # From the newest back: callers want the last few of many.
        recent = list(itertools.takewhile(lambda summary: summary.start >= since, reversed(summaries)))
        recent.reverse()
        return recent

    def record(self, series: Series, value: float) -> None:
        """Adds a value to the current period. Does no I/O."""
        key = (series, int(self._clock.now() // series.period))
        datapoint = self._open.get(key)
        if datapoint is None:
            datapoint = self._open[key] = Datapoint()
        datapoint.add(value)

    def sample(self, period: int, sampler: Sampler) -> Callable[[], None]:
        """Calls ``sampler`` at the end of every ``period`` seconds. Returns a function that ends this."""
        samplers = self._samplers.setdefault(period, [])
        samplers.append(sampler)
        return lambda: samplers.remove(sampler)

    async def start(self) -> None:
        self._tasks = [tasks.keep(partial(self._run, period), "putting metrics") for period in (10, 60)]

    async def close(self) -> None:
        """Puts what is recorded, also of the current period."""
        await tasks.stop(*self._tasks)
        await tasks.settle("putting metrics", *self._putting, self._put(self._open))
        self._open = {}

    async def _run(self, period: int) -> None:
        # Periods are counted, not read from the clock: a put that takes longer than a period skips none.
        for index in itertools.count(int(self._clock.now() // period)):
            await self._clock.sleep((index + 1) * period - self._clock.now())
            for sampler in list(self._samplers.get(period, ())):
                self._sample(sampler, index)
            await self._clock.sleep(_SETTLE_SECONDS)
            due = {key: self._open.pop(key) for key in list(self._open) if key[0].period == period and key[1] <= index}
            if due:
                self._keep(due)
                # In a task of its own, so that a slow backend delays no sampling.
                putting = tasks.start(self._put(due), "putting the metrics of a period")
                self._putting.add(putting)
                putting.add_done_callback(self._putting.discard)

    def _sample(self, sampler: Sampler, index: int) -> None:
        try:
            for series, value in sampler():
                self._open.setdefault((series, index), Datapoint()).add(value)
        except Exception:
            # The failure of one variant's sampler must not cost the others their datapoints.
            log.exception("a sampler of metrics failed")

    def _keep(self, due: dict[tuple[Series, int], Datapoint]) -> None:
        for (series, index), datapoint in due.items():
            key = (series.namespace, series.name, frozenset(series.dimensions), series.region, series.period)
            summaries = self._history.get(key)
            if summaries is None:
                summaries = self._history[key] = deque(maxlen=_KEPT_SECONDS // series.period)
            counts = datapoint.counts
            start = float(index * series.period)
            summaries.append(Summary(start, datapoint.total, datapoint.samples, min(counts), max(counts)))

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
    # moto keeps an object for each count of a value. Many values are put as their statistics instead.
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
