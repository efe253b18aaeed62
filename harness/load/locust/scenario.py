"""The base of open-loop scenarios: what they call, with which payload, at which rate and for how long.

Options: --rate (the highest rate of the schedule), --run-time (locust's own: the schedule's length), --via, --payload,
--spacing. A locustfile adds --function-name and --endpoint-name (``options``).
"""

from __future__ import annotations

import math
import mimetypes
from collections.abc import Iterator
from typing import Any

from locust.env import Environment

from harness.core.errors import HarnessError
from harness.load.answers import Kind
from harness.load.locust.open_loop import OpenLoop
from harness.load.locust.options import add_option, read_file
from harness.load.locust.users import EndpointUser, LambdaUser
from harness.load.schedule import Schedule, even, poisson
from harness.load.traffic_forms import constant

add_option("--rate", "", "Highest rate of the schedule, requests a second; each scenario has a default")
add_option("--via", "lambda", "What the scenario calls: lambda or endpoint")
add_option("--payload", "", "File to send; by default the scenario's own event or photograph")
add_option("--spacing", "poisson", "Arrivals at random (poisson) or evenly spaced (even)")


class Scenario(OpenLoop, LambdaUser, EndpointUser):
    """Calls the Lambda function, or the endpoint directly, at the arrivals of a schedule.

    A scenario gives the shape of its schedule (``shape``), its ``default_rate`` (requests a second) and
    ``default_seconds``.
    """

    abstract = True
    default_rate = 5.0
    default_seconds = 60.0

    @classmethod
    def shape(cls, rate: float, seconds: float, environment: Environment) -> Schedule:
        """A schedule with this highest rate and this length: one constant rate unless a scenario overrides it."""
        return constant(rate, seconds)

    @classmethod
    def default_payload(cls, kind: Kind, options: Any) -> tuple[str, str]:
        """The file to send if --payload names none, and the option that names it."""
        raise NotImplementedError(f"{cls.__name__} has no payload")

    @classmethod
    def schedule(cls, environment: Environment) -> Schedule:
        return cls.shape(cls._rate(environment), cls._seconds(environment), environment)

    @classmethod
    def arrivals(cls, environment: Environment, schedule: Schedule, seed: int) -> Iterator[float]:
        return even(schedule) if _options(environment).spacing == "even" else poisson(schedule, seed)

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        via = _options(environment).via
        if via not in ("lambda", "endpoint"):
            raise HarnessError(f"--via {via} is neither lambda nor endpoint.")
        return {via}

    @classmethod
    def check(cls, environment: Environment) -> None:
        super().check(environment)
        if _options(environment).spacing not in ("poisson", "even"):
            raise HarnessError(f"--spacing {_options(environment).spacing} is neither poisson nor even.")
        cls._payload(environment)

    @classmethod
    def _rate(cls, environment: Environment) -> float:
        text = _options(environment).rate
        if text == "":
            return cls.default_rate
        try:
            rate = float(text)
        except ValueError:
            rate = math.nan
        if not (math.isfinite(rate) and rate > 0):
            raise HarnessError(f"--rate {text} is not a rate: give a number of requests a second above 0.")
        return rate

    @classmethod
    def _seconds(cls, environment: Environment) -> float:
        options = _options(environment)
        if getattr(options, "stages", ""):
            return float(options.stage_seconds)
        return float(options.run_time or cls.default_seconds)

    @classmethod
    def _payload(cls, environment: Environment) -> tuple[bytes, str]:
        """The body and its content type."""
        options = _options(environment)
        (kind,) = cls.kinds(environment)
        file, flag = (options.payload, "--payload") if options.payload else cls.default_payload(kind, options)
        return read_file(file, flag), mimetypes.guess_type(file)[0] or "application/octet-stream"

    def call(self) -> None:
        """Send one request to what --via names; scenarios make it their task."""
        options: Any = self.environment.parsed_options
        body, content_type = self._payload(self.environment)
        if options.via == "lambda":
            self.invoke(options.function_name, body)
        else:
            self.invoke_endpoint(options.endpoint_name, body, content_type, accept="application/json")


def _options(environment: Environment) -> Any:
    return environment.parsed_options
