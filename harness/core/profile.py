"""The capacity profile of one instance: measured once, then read by the twin and the simulator in its place.

A small JSON file. Times are seconds, sizes bytes, rates requests per second. A service time is the time from the
arrival of a request at an instance with a free worker to its whole answer: what a caller of the container sees when
nothing queues.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from harness.core.errors import HarnessError

# The sample answer is part of the file, which is to stay small; a longer answer is given by its size alone.
LONGEST_SAMPLE = 64 * 1024
_POINTS = 201

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provenance(_Part):
    """Where the numbers come from.

    machine: what was measured, such as the processor and its cores, or ``ml.m5.large on AWS``.
    method: how, in a sentence or two. versions: of what took part (``{"torch": "2.13.0"}``).
    model_sha256: of the model.tar.gz; another model's profile is another profile. runs: ids of the runs that are the
    evidence.
    """

    measured_at: datetime
    machine: str
    method: str
    versions: dict[str, str] = {}
    model_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    runs: tuple[str, ...] = ()


class ServiceTimes(_Part):
    """The distribution of service times while ``concurrency`` requests are in service.

    quantiles: seconds at evenly spaced probabilities from 0 (the least) to 1 (the most), linear in between.
    """

    concurrency: int = Field(ge=1)
    quantiles: tuple[Seconds, ...] = Field(min_length=101)

    @field_validator("quantiles")
    @classmethod
    def _ascending(cls, quantiles: tuple[float, ...]) -> tuple[float, ...]:
        if any(after < before for before, after in itertools.pairwise(quantiles)):
            raise ValueError("quantiles must not fall")
        return quantiles

    @classmethod
    def of(cls, concurrency: int, seconds: Sequence[float], points: int = _POINTS) -> ServiceTimes:
        """The distribution of a measured sample (linear interpolation of its order statistics), to the microsecond."""
        if not seconds:
            raise ValueError("a distribution needs at least one measured time")
        ordered = sorted(seconds)
        table = (interpolate(ordered, index / (points - 1)) for index in range(points))
        return cls(concurrency=concurrency, quantiles=tuple(round(one, 6) for one in table))

    def quantile(self, probability: float) -> float:
        """Seconds that a share ``probability`` (0 to 1) of the service times does not exceed."""
        return interpolate(self.quantiles, probability)

    @property
    def mean(self) -> float:
        """Seconds."""
        inner = sum(self.quantiles) - (self.quantiles[0] + self.quantiles[-1]) / 2
        return inner / (len(self.quantiles) - 1)


class SampleAnswer(_Part):
    """An answer of the container. size: bytes of its body; body: that body in base64, where it is short enough."""

    content_type: str = "application/json"
    size: int = Field(ge=0, le=6_291_456)
    body: str | None = None

    @classmethod
    def of(cls, content_type: str, body: bytes) -> SampleAnswer:
        text = base64.b64encode(body).decode() if len(body) <= LONGEST_SAMPLE else None
        return cls(content_type=content_type, size=len(body), body=text)

    @model_validator(mode="after")
    def _sized(self) -> SampleAnswer:
        if self.body is not None:
            try:
                found = len(base64.b64decode(self.body, validate=True))
            except binascii.Error:
                raise ValueError("body must be base64") from None
            if found != self.size:
                raise ValueError(f"body holds {found} bytes, size says {self.size}")
        return self

    def content(self) -> bytes:
        """The body; without a sample, as many spaces as it was long."""
        return b" " * self.size if self.body is None else base64.b64decode(self.body)


class QueueBehaviour(_Part):
    """How the server treated one burst of more requests than it has workers.

    burst: requests sent at once; answered, refused: of them, well and with the status ``refusal``. in_order: how far
    answers came in the order of the requests (Spearman's rank correlation): 1 is first in, first out; None where too
    few waited to tell.
    """

    burst: int = Field(ge=1)
    answered: int = Field(ge=0)
    refused: int = Field(ge=0)
    refusal: int | None = None
    in_order: float | None = Field(default=None, ge=-1, le=1)


class FunctionPart(_Part):
    """The Lambda function by itself. overhead: seconds of an execution beside its wait for the model; cold_start:
    seconds of a new environment's init, None where none was seen; memory: MB at most, as Lambda reported it."""

    overhead: Seconds
    cold_start: Seconds | None = None
    memory: float | None = Field(default=None, ge=0)


class Spread(_Part):
    """A figure with its 95 % confidence interval; None where there were too few observations for one."""

    value: float
    low: float | None = None
    high: float | None = None


class CallersEvidence(_Part):
    """A closed loop of so many callers. rate: answers a second; p50, p95, p99: seconds."""

    callers: int = Field(ge=1)
    requests: int = Field(ge=1)
    rate: Spread
    p50: Spread
    p95: Spread
    p99: Spread


class OfferedEvidence(_Part):
    """An open loop at a rate (requests a second): what was answered while it lasted, and whether that was all."""

    rate: float
    answered_rate: float
    kept_up: bool


class Evidence(_Part):
    """What the figures were made from.

    load_average: of the machine over a minute, before and after. workers: how their number is known.
    """

    load_average: tuple[float, float]
    workers: str
    closed_loop: tuple[CallersEvidence, ...] = ()
    open_loop: tuple[OfferedEvidence, ...] = ()


class Profile(_Part):
    """What one instance gives.

    workers: requests served at once; queue_length: requests that wait beside them, the next one is answered 503.
    service_times: by the number of requests in service, ascending from 1.
    error_rate: share of served requests that the model answers with 500.
    load_seconds: from start to the first ``/ping`` of 200.
    memory: bytes resident, all processes; 0 where it was not measured.
    saturation_rate: the most that was measured to be answered; nothing is known of rates beyond it.
    queue, function, evidence: what more was measured; older profiles lack them.
    """

    version: Literal[1] = 1
    name: str = Field(min_length=1, max_length=100)
    provenance: Provenance
    workers: int = Field(ge=1, le=1024)
    queue_length: int = Field(default=100, ge=0)
    service_times: tuple[ServiceTimes, ...] = Field(min_length=1)
    error_rate: float = Field(default=0.0, ge=0, le=1)
    load_seconds: Seconds
    memory: int = Field(ge=0)
    saturation_rate: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    answer: SampleAnswer
    queue: QueueBehaviour | None = None
    function: FunctionPart | None = None
    evidence: Evidence | None = None

    @field_validator("service_times")
    @classmethod
    def _levels(cls, levels: tuple[ServiceTimes, ...]) -> tuple[ServiceTimes, ...]:
        found = [level.concurrency for level in levels]
        if found[0] != 1 or any(after <= before for before, after in itertools.pairwise(found)):
            raise ValueError(f"concurrency must rise from 1, not {found}")
        return levels

    @model_validator(mode="after")
    def _no_more_than_workers(self) -> Profile:
        most = self.service_times[-1].concurrency
        if most > self.workers:
            raise ValueError(f"{most} requests cannot be in service on {self.workers} workers")
        return self

    def service_time(self, in_service: int, draw: float) -> float:
        """Seconds, by inverse transform of a uniform ``draw`` in [0, 1).

        Between two measured levels of concurrency each quantile is interpolated; beyond the last, the last holds.
        """
        low, high, share = self.levels(in_service)
        if share == 0:
            return self.service_times[low].quantile(draw)
        return self.service_times[low].quantile(draw) * (1 - share) + self.service_times[high].quantile(draw) * share

    def levels(self, in_service: int) -> tuple[int, int, float]:
        """Which two of ``service_times`` a number in service lies between, and the second's share in it."""
        above = bisect_right(self.service_times, in_service, key=lambda level: level.concurrency)
        low = max(0, above - 1)
        first = self.service_times[low].concurrency
        if above == len(self.service_times) or first == in_service:
            return low, low, 0.0
        return low, above, (in_service - first) / (self.service_times[above].concurrency - first)

    def fails(self, draw: float) -> bool:
        """Whether the model answers a request with 500, by a uniform ``draw`` in [0, 1)."""
        return draw < self.error_rate

    def to_json(self) -> str:
        """The file's text: one line for each distribution."""
        text = json.dumps(self.model_dump(mode="json"), indent=2)
        return re.sub(r"\[[-+\d.e,\s]+\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def parse_profile(document: object, where: str = "the profile") -> Profile:
    """A profile's JSON document. Raises HarnessError with a sentence that names the first thing wrong in it."""
    try:
        return Profile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        message = str(first["msg"]).removeprefix("Value error, ")
        subject = where[0].upper() + where[1:]
        raise HarnessError(f"{subject} is not a capacity profile of version 1: {place}: {message}.") from None


def read_profile(file: Path) -> Profile:
    """Raises HarnessError for a file that cannot be read or is no profile."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise HarnessError(f"Cannot read the profile {file}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"The profile {file} is not JSON: {error}.") from None
    return parse_profile(document, f"the profile {file}")


def interpolate(ordered: Sequence[float], probability: float) -> float:
    """The quantile of evenly spaced ones (Hyndman and Fan's definition 7 on order statistics).

    Plain arithmetic, which numba compiles for the simulator as it is.
    """
    if len(ordered) == 1:
        return ordered[0]
    place = min(max(probability, 0.0), 1.0) * (len(ordered) - 1)
    index = min(int(place), len(ordered) - 2)
    low, high = ordered[index], ordered[index + 1]
    return low + (high - low) * (place - index)
