"""Open-loop scenarios: requests start when the schedule says, whatever the answers do.

Name one: ``locust -f loadtests --headless Steady --rate 20 --run-time 5m``. Each takes --rate (its highest),
--run-time, --payload, --via lambda|endpoint and --spacing poisson|even.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locust import task
from locust.env import Environment

from harness.load.answers import Kind
from harness.load.locust import recording, scaling_tab  # noqa: F401 - records the run; auto scaling on the web page
from harness.load.locust.options import add_option
from harness.load.locust.scenario import Scenario
from harness.load.schedule import Piece, Schedule, ramp, spike
from harness.load.traces import read_trace

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
DOG_BREED = FIXTURES / "dog_breed"
# A web server's requests by the minute in July 1995, and its busiest day.
RECORDED, BUSIEST = FIXTURES / "traffic" / "nasa-http-1995-07.csv.gz", "1995-07-13"

add_option("--function-name", "dog-breed", "Lambda function to invoke")
add_option("--endpoint-name", "dog-breed-endpoint", "SageMaker endpoint to invoke")
add_option("--event", str(DOG_BREED / "event.json"), "JSON file with the event that the function is given")
add_option("--image", str(DOG_BREED / "images" / "photo.jpg"), "JPEG file to send")
add_option("--trace", str(RECORDED), "Recorded traffic: CSV or CloudWatch JSON")
add_option("--trace-day", "", f"Day of the trace to play, or all; by default all, and {BUSIEST} of the shipped one")


class DogBreed(Scenario):
    """The dog-breed stack's own event and photograph."""

    abstract = True

    @classmethod
    def default_payload(cls, kind: Kind, options: Any) -> tuple[str, str]:
        return (options.event, "--event") if kind == "lambda" else (options.image, "--image")

    @task
    def classify(self) -> None:
        self.call()


class Smoke(DogBreed):
    """A request a second for ten seconds: does it answer at all?"""

    default_rate, default_seconds = 1.0, 10.0


class Steady(DogBreed):
    """One rate throughout."""


class RampToSaturation(DogBreed):
    """From nothing evenly up to the rate: where do the latencies leave the ground?"""

    default_rate, default_seconds = 30.0, 120.0

    @classmethod
    def shape(cls, rate: float, seconds: float, environment: Environment) -> Schedule:
        return ramp(0.0, rate, seconds)


class Spike(DogBreed):
    """A fifth of the rate, and the rate itself in the middle fifth of the time."""

    default_rate, default_seconds = 15.0, 100.0

    @classmethod
    def shape(cls, rate: float, seconds: float, environment: Environment) -> Schedule:
        return spike(rate / 5, rate, seconds, at=0.4 * seconds, width=0.2 * seconds)


class Soak(DogBreed):
    """One rate for hours: what leaks, fills up or expires?"""

    default_rate, default_seconds = 2.0, 3600.0


class DailyCycle(DogBreed):
    """Recorded traffic (by default a web server's busiest day) in the run time, its peak at the rate."""

    default_rate, default_seconds = 10.0, 600.0

    @classmethod
    def shape(cls, rate: float, seconds: float, environment: Environment) -> Schedule:
        options: Any = environment.parsed_options
        file = Path(options.trace)
        trace, day = read_trace(file), options.trace_day or (BUSIEST if file == RECORDED else "all")
        return (trace if day == "all" else trace.day(day)).schedule().fitted(rate, seconds)


class ColdStartStorm(DogBreed):
    """Ten bursts, each larger than the one before and the last as large as a second of the rate, within a tenth of one.

    So that each needs more environments at once than are warm from the bursts before.
    """

    default_rate, default_seconds = 10.0, 100.0
    BURSTS = 10
    BURST_SECONDS = 0.1

    @classmethod
    def shape(cls, rate: float, seconds: float, environment: Environment) -> Schedule:
        quiet = seconds / cls.BURSTS - cls.BURST_SECONDS
        heights = [rate / cls.BURST_SECONDS * number / cls.BURSTS for number in range(1, cls.BURSTS + 1)]
        pieces = [(Piece(cls.BURST_SECONDS, height, height), Piece(quiet, 0.0, 0.0)) for height in heights]
        return Schedule(tuple(piece for pair in pieces for piece in pair))
