"""Open-loop scenarios: requests start when the schedule says so, whatever the answers do.

Name one of them: ``locust -f loadtests --headless Steady --rate 20 --run-time 5m``. Each takes --rate (the highest of
its schedule), --run-time, --payload, --via lambda|endpoint and --spacing poisson|even. A new scenario is a class here
and a row in docs/load.md; its shape comes from ``load.traffic_forms``, a trace, or its own pieces.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from locust import task
from locust.env import Environment

from harness.load.answers import Kind
from harness.load.locust import record_runs, scaling_tab  # noqa: F401 - records the run; auto scaling on the web page
from harness.load.locust.options import add_endpoint_name, add_function_name, add_option
from harness.load.locust.scenario import Scenario
from harness.load.schedule import Piece, Schedule
from harness.load.traces import read_trace
from harness.load.traffic_forms import ramp, spike

FIXTURES = Path(__file__).resolve().parent.parent / "fixtures"
DOG_BREED = FIXTURES / "dog_breed"
# A web server's requests by the minute in July 1995, and its busiest day.
RECORDED, BUSIEST = FIXTURES / "traffic" / "nasa-http-1995-07.csv.gz", "1995-07-13"

add_function_name("dog-breed")
add_endpoint_name("dog-breed-endpoint")
add_option("--event", str(DOG_BREED / "event.json"), "JSON file with the event that is sent to the function")
add_option("--image", str(DOG_BREED / "images" / "photo.jpg"), "JPEG file to send")
add_option("--trace", str(RECORDED), "Recorded traffic: CSV or CloudWatch JSON")
add_option("--trace-day", "", f"Day of the trace to play, or all; by default all, but {BUSIEST} of the shipped trace")


class DogBreed(Scenario):
    """Sends the dog-breed stack's own event or photograph."""

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
    """One rate all the time."""


class RampToSaturation(DogBreed):
    """Evenly from nothing up to the rate: at which rate do the latencies rise?"""

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
    """Ten bursts, each larger than the one before: each needs more environments at once than are warm.

    The last burst sends as many requests as a second of the rate, within a tenth of a second.
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
