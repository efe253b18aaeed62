"""The scenario of a confirmation: plays the schedule and the arrivals in a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from locust import task
from locust.env import Environment

from harness.core.errors import HarnessError
from harness.load.answers import Kind
from harness.load.locust import recording  # noqa: F401 - records the run
from harness.load.locust.options import add_option, read_file
from harness.load.locust.scenario import Scenario
from harness.load.schedule import Piece, Schedule

add_option("--function-name", "", "Lambda function to invoke")
add_option("--endpoint-name", "", "SageMaker endpoint to invoke")
add_option("--schedule", "", 'JSON: {"pieces": [[seconds, first rate, last rate], ...], "arrivals": [second, ...]}')


class Planned(Scenario):
    """Sends the excerpt of a plan's traffic."""

    @classmethod
    def schedule(cls, environment: Environment) -> Schedule:
        return _read(environment)[0]

    @classmethod
    def arrivals(cls, environment: Environment, schedule: Schedule, seed: int) -> Iterator[float]:
        return iter(_read(environment)[1])

    @classmethod
    def default_payload(cls, kind: Kind, options: Any) -> tuple[str, str]:
        raise HarnessError("A confirmation sends what --payload names.")

    @task
    def send(self) -> None:
        self.call()


def _read(environment: Environment) -> tuple[Schedule, list[float]]:
    options: Any = environment.parsed_options
    try:
        document = json.loads(read_file(options.schedule, "--schedule"))
        pieces = tuple(Piece(*(float(number) for number in piece)) for piece in document["pieces"])
        return Schedule(pieces), [float(second) for second in document["arrivals"]]
    except (ValueError, TypeError, KeyError) as error:
        raise HarnessError(f"--schedule {options.schedule} holds no schedule: {error!r}.") from None
