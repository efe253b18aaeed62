"""The capacity profile of one instance: measured once, then used by the twin and the simulator in its place.

It is a small JSON file. Times are seconds, sizes bytes, rates requests per second. A service time is the time from the
arrival of a request at an instance with a free worker to the end of its answer: what a client of the container sees
if nothing queues.
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

from harness.core.errors import HarnessError, reason

# Bytes of the longest sample answer in the file, which has to stay small. A longer answer is given by its size only.
LONGEST_SAMPLE = 64 * 1024
_POINTS = 201

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provenance(_Part):
    """How the profile was measured.

    machine: the machine, such as the processor and its cores, or ``ml.m5.large on AWS``. method: one or two sentences.
    versions: of the software that took part (``{"torch": "2.13.0"}``). model_sha256: of the model.tar.gz; a profile is
    valid for this model only. runs: ids of the runs that are the evidence.
    """

    measured_at: datetime
    machine: str
    method: str
    versions: dict[str, str] = {}
    model_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    runs: tuple[str, ...] = ()


class ServiceTimes(_Part):
    """The distribution of service times while ``concurrency`` requests are in service.

    quantiles: seconds at evenly spaced probabilities from 0 (the minimum) to 1 (the maximum); linear between them.
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
        return cls(concurrency=concurrency, quantiles=tuple(round(quantile, 6) for quantile in table))

    def quantile(self, probability: float) -> float:
        """The seconds that a share ``probability`` (0 to 1) of the service times does not exceed."""
        return interpolate(self.quantiles, probability)

    @property
    def mean(self) -> float:
        """The mean service time in seconds."""
        inner = sum(self.quantiles) - (self.quantiles[0] + self.quantiles[-1]) / 2
        return inner / (len(self.quantiles) - 1)


class SampleAnswer(_Part):
    """An answer of the container. size: bytes of its body. body: the body in base64; None if it is too long."""

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
                length = len(base64.b64decode(self.body, validate=True))
            except binascii.Error:
                raise ValueError("body must be base64") from None
            if length != self.size:
                raise ValueError(f"body holds {length} bytes, size says {self.size}")
        return self

    def content(self) -> bytes:
        """The body; without a sample, as many spaces as it had bytes."""
        return b" " * self.size if self.body is None else base64.b64decode(self.body)


class QueueBehaviour(_Part):
    """How the server treated one burst of more requests than it has workers.

    burst: requests sent at once. answered: how many succeeded. refused: how many got the status ``refusal``. in_order:
    Spearman's rank correlation between the order of the requests and of the answers, 1 for first in, first out; None if
    too few requests waited.
    """

    burst: int = Field(ge=1)
    answered: int = Field(ge=0)
    refused: int = Field(ge=0)
    refusal: int | None = None
    in_order: float | None = Field(default=None, ge=-1, le=1)


class FunctionPart(_Part):
    """The Lambda function by itself.

    overhead: seconds of an execution without its wait for the model. cold_start: seconds of a new environment's init;
    None if none was seen. memory: the maximum in MB that Lambda reported.
    """

    overhead: Seconds
    cold_start: Seconds | None = None
    memory: float | None = Field(default=None, ge=0)


class Spread(_Part):
    """A figure with its 95 % confidence interval. low, high: None if there were too few observations."""

    value: float
    low: float | None = None
    high: float | None = None


class CallersEvidence(_Part):
    """A measurement with a closed loop of callers. rate: answers a second. p50, p95, p99: seconds."""

    callers: int = Field(ge=1)
    requests: int = Field(ge=1)
    rate: Spread
    p50: Spread
    p95: Spread
    p99: Spread


class OfferedEvidence(_Part):
    """A measurement with an open loop. rate: requests a second. kept_up: whether all of them were answered."""

    rate: float
    answered_rate: float
    kept_up: bool


class Evidence(_Part):
    """The measurements behind the figures.

    load_average: the machine's over a minute, before and after. workers: how their number is known.
    """

    load_average: tuple[float, float]
    workers: str
    closed_loop: tuple[CallersEvidence, ...] = ()
    open_loop: tuple[OfferedEvidence, ...] = ()


class Profile(_Part):
    """The capacity of one instance.

    workers: requests served at once. queue_length: requests that can wait; a further one is answered with 503.
    service_times: for each measured number of requests in service, ascending from 1.
    error_rate: share of the served requests that the model answers with 500.
    load_seconds: time from the start to the first ``/ping`` with 200.
    memory: resident bytes of all processes; 0 if it was not measured.
    saturation_rate: the highest measured rate of answers; nothing is known about higher rates.
    queue, function, evidence: None in older profiles.
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
        rising = [level.concurrency for level in levels]
        if rising[0] != 1 or any(after <= before for before, after in itertools.pairwise(rising)):
            raise ValueError(f"concurrency must rise from 1, not {rising}")
        return levels

    @model_validator(mode="after")
    def _no_more_than_workers(self) -> Profile:
        most = self.service_times[-1].concurrency
        if most > self.workers:
            raise ValueError(f"{most} requests cannot be in service on {self.workers} workers")
        return self

    def service_time(self, in_service: int, draw: float) -> float:
        """A service time in seconds, by inverse transform of a uniform ``draw`` in [0, 1).

        Between two measured numbers in service the quantiles are interpolated; beyond the last, the last holds.
        """
        low, high, share = self.levels(in_service)
        if share == 0:
            return self.service_times[low].quantile(draw)
        return self.service_times[low].quantile(draw) * (1 - share) + self.service_times[high].quantile(draw) * share

    def levels(self, in_service: int) -> tuple[int, int, float]:
        """The indices of the two ``service_times`` around a number in service, and the weight of the second."""
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
        """The file's text, with one line for each distribution."""
        text = json.dumps(self.model_dump(mode="json"), indent=2)
        return re.sub(r"\[[-+\d.e,\s]+\]", lambda numbers: " ".join(numbers[0].split()), text) + "\n"


def parse_profile(document: object, where: str = "the profile") -> Profile:
    """Reads a profile from its JSON document. Raises HarnessError that names the first fault. where: for the error."""
    try:
        return Profile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the whole"
        message = str(first["msg"]).removeprefix("Value error, ")
        subject = where[0].upper() + where[1:]
        raise HarnessError(f"{subject} is not a capacity profile of version 1: {place}: {message}.") from None


def read_profile(file: Path) -> Profile:
    """Reads a profile from a file. Raises HarnessError if the file cannot be read or is not a profile."""
    try:
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise HarnessError(f"Cannot read the profile {file}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"The profile {file} is not JSON: {reason(error)}.") from None
    return parse_profile(document, f"the profile {file}")


def interpolate(ordered: Sequence[float], probability: float) -> float:
    """A quantile between evenly spaced ones (for order statistics it is Hyndman and Fan's definition 7).

    It is plain arithmetic, so that numba can compile it for the simulator.
    """
    if len(ordered) == 1:
        return ordered[0]
    place = min(max(probability, 0.0), 1.0) * (len(ordered) - 1)
    index = min(int(place), len(ordered) - 2)
    low, high = ordered[index], ordered[index + 1]
    return low + (high - low) * (place - index)
