"""The harness's own scenarios: what the pytest fixture ``load`` and the confirmation of a plan send.

``ConstantRate`` takes --rate and --run-time; ``GivenArrivals`` takes --schedule FILE (``load.schedule_file``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from locust import task
from locust.env import Environment

from harness.core.errors import HarnessError
from harness.load.answers import Kind
from harness.load.locust import record_runs  # noqa: F401 - records the run
from harness.load.locust.options import add_endpoint_name, add_function_name, add_option, read_file
from harness.load.locust.scenario import Scenario
from harness.load.schedule import Schedule
from harness.load.schedule_file import parse_schedule

add_function_name()
add_endpoint_name()
add_option("--schedule", "", "File with the schedule and the arrivals that GivenArrivals plays")


class OwnScenario(Scenario):
    """A scenario of calls with the --payload that it is given."""

    abstract = True

    @classmethod
    def default_payload(cls, kind: Kind, options: Any) -> tuple[str, str]:
        raise HarnessError(f"{cls.__name__} sends what --payload names.")

    @task
    def send(self) -> None:
        self.call()


class ConstantRate(OwnScenario):
    """Arrivals at --rate for --run-time."""


class GivenArrivals(OwnScenario):
    """The arrivals that --schedule lists, such as those that the simulator drew for an excerpt of a plan's traffic."""

    @classmethod
    def schedule(cls, environment: Environment) -> Schedule:
        return _read(environment)[0]

    @classmethod
    def arrivals(cls, environment: Environment, schedule: Schedule, seed: int) -> Iterator[float]:
        return iter(_read(environment)[1])


def _read(environment: Environment) -> tuple[Schedule, list[float]]:
    options: Any = environment.parsed_options
    return parse_schedule(read_file(options.schedule, "--schedule"), options.schedule)
