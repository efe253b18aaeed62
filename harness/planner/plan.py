"""The plan, which `harness plan` writes as plan.json, and which `harness report` and `harness deploy --plan` read.

Every figure comes with its evidence: replications, interval, the profile's provenance. Times are in seconds, money is
in dollars.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.core.errors import HarnessError, reason
from harness.simulator.settings import Settings


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="null")


class Interval(_Part):
    """A mean over replications with its 95 % confidence interval; None for what is not known."""

    value: float | None
    low: float | None = None
    high: float | None = None


class Objective(_Part):
    """What settings have to meet. p99: in seconds; errors: the share of requests that may end in an error."""

    p99: float = Field(gt=0)
    errors: float = Field(ge=0, le=1)


class Cost(_Part):
    """US dollars an hour, on average over the traffic; a day is 24 hours, a month 730."""

    instances: float
    function: float
    provisioned: float
    requests: float

    @property
    def hour(self) -> float:
        return self.instances + self.function + self.provisioned + self.requests

    @property
    def day(self) -> float:
        return 24 * self.hour

    @property
    def month(self) -> float:
        return 730 * self.hour


class SimulatedFigures(_Part):
    """What settings give: the means over ``replications`` simulated runs of the traffic.

    errors: share of the requests. throttles: Lambda's 429 answers in a run. peak_instances: the most in any of the
    runs. hours_at_maximum, cold_starts and beyond_saturation (seconds): in a run, as in SimulationOutcome. meets: the
    upper ends of the intervals of p99 and errors are within the objective.
    """

    replications: int
    p50: Interval
    p95: Interval
    p99: Interval
    errors: Interval
    throttles: Interval
    cost: Cost
    mean_instances: float
    peak_instances: int
    hours_at_maximum: float
    cold_starts: float
    beyond_saturation: float = 0.0
    meets: bool


class EvaluatedSettings(_Part):
    """Settings with their figures.

    label: what people call them, such as ``recommended`` or ``write-up B``. says: remarks on them, such as what a
    write-up misread.
    """

    label: str
    settings: Settings
    figures: SimulatedFigures
    says: str | None = None


class MinuteSeries(_Part):
    """How settings do over the traffic's time, with one value for each ``step`` seconds: a minute, or several if the
    traffic is long.

    The fields are as in SimulatedMinutes. A value for several minutes is their mean; for p99, concurrency_peak and the
    alarms it is the highest. arrivals, throttles and errors are per minute.
    """

    label: str
    step: float = 60.0
    arrivals: list[float]
    in_service: list[float]
    desired: list[float]
    per_instance: list[float]
    queued: list[float]
    p50: list[float | None]
    p99: list[float | None]
    concurrency: list[float]
    concurrency_peak: list[float]
    throttles: list[float]
    errors: list[float]
    alarm_high: list[float]
    alarm_low: list[float]


class Distribution(_Part):
    """The latencies that settings give: seconds at ascending probabilities."""

    label: str
    probabilities: list[float]
    seconds: list[float]


class Sensitivity(_Part):
    """The recommended settings with one value changed. setting: its name, such as ``target_value``."""

    setting: str
    value: str
    figures: SimulatedFigures


class BreakingPoint(_Part):
    """What breaks first when the traffic grows.

    multiple: how many times the traffic makes the recommended settings miss the objective; None if they still meet it
    at ``tried``, the highest multiple that was tried. limit: the first limit that breaks, in words.
    """

    multiple: float | None
    tried: float
    limit: str


class ConfirmedFigure(_Part):
    """One figure of a live run on twins beside the prediction for the same run.

    unit: such as ``s``. predicted: the mean of simulated runs. low, high: nine in ten of these runs lie between them;
    None if there were none.
    """

    label: str
    figure: str
    unit: str
    predicted: float | None
    measured: float | None
    low: float | None = None
    high: float | None = None


class Confirmation(_Part):
    """The live runs. seconds: of wall-clock time. valid: the load generator's own verdict."""

    speed: float
    seconds: float
    requests: int
    valid: bool
    figures: tuple[ConfirmedFigure, ...]
    notes: tuple[str, ...] = ()

    @property
    def fault(self) -> str:
        """What keeps the run from being evidence, as the end of a sentence; "" if nothing does."""
        if self.valid:
            return ""
        return "its load generator was the bottleneck" if self.requests else "it measured nothing"


class TrafficSummary(_Part):
    """The traffic that was planned for. Rates are in requests a second.

    source: a file or an expression. begins: the first moment of recorded traffic; None for an expression, which begins
    at midnight UTC as far as scheduled capacity is concerned.
    """

    source: str
    begins: datetime | None = None
    seconds: float
    requests: float
    peak_rate: float
    mean_rate: float


class PlanEvidence(_Part):
    """What a plan was computed from.

    profile: its name. model_sha256, machine, measured_at, method: as in profile.Provenance. ratios: the stated speed of
    each instance type, as a multiple of the measured one.
    """

    profile: str
    model_sha256: str | None
    machine: str
    measured_at: datetime
    method: str
    saturation_rate: float | None
    ratios: dict[str, float] = {}
    seed: int
    prices_as_of: str
    versions: dict[str, str] = {}


class Plan(_Part):
    """A plan.

    recommended: None if no settings serve the traffic; first_limit then says what breaks first. models: the SageMaker
    model of each production variant, by the variant's name.
    """

    version: Literal[1] = 1
    created_at: datetime
    stack: str
    stack_file: str
    region: str
    endpoint: str
    variant: str
    function: str | None
    alias: str | None
    models: dict[str, str] = {}
    traffic: TrafficSummary
    objective: Objective
    recommended: EvaluatedSettings | None
    runner_up: EvaluatedSettings | None = None
    compared: tuple[EvaluatedSettings, ...] = ()
    front: tuple[EvaluatedSettings, ...] = ()
    explored: int
    first_limit: str | None = None
    breaks: BreakingPoint | None = None
    sensitivity: tuple[Sensitivity, ...] = ()
    minutes: tuple[MinuteSeries, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    confirmation: Confirmation | None = None
    evidence: PlanEvidence
    assumptions: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def read_plan(path: Path) -> Plan:
    """Reads a plan.json, or the one in a folder. Raises HarnessError if there is none, or if it is not a plan."""
    file = path / "plan.json" if path.is_dir() else path
    try:
        return Plan.model_validate(json.loads(file.read_bytes()))
    except OSError as error:
        raise HarnessError(f"Cannot read the plan {file}: {error.strerror}; `harness plan` writes one.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise HarnessError(f"{file} is not a plan of version 1: {where}: {first['msg']}.") from None
    except (ValueError, RecursionError) as error:
        raise HarnessError(f"The plan {file} is not JSON: {reason(error)}.") from None
