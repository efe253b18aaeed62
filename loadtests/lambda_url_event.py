"""Calls the Lambda with the URL of a photograph: the whole path, from the function to the model server and back."""

from __future__ import annotations

from pathlib import Path

from locust import constant, task
from locust.env import Environment

from harness.load.locust import record_runs, scaling_tab  # noqa: F401 - records the run; auto scaling on the web page
from harness.load.locust.options import add_function_name, add_option, read_file
from harness.load.locust.users import LambdaUser

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "dog_breed"

add_function_name("dog-breed")
add_option("--event", str(FIXTURE / "event.json"), "JSON file with the event that is sent to the function")


class LambdaUrlEvent(LambdaUser):
    """A user who sends one request after the other, without a pause."""

    wait_time = constant(0)

    @classmethod
    def check(cls, environment: Environment) -> None:
        super().check(environment)
        read_file(environment.parsed_options.event, "--event")

    @task
    def classify(self) -> None:
        options = self.environment.parsed_options
        self.invoke(options.function_name, read_file(options.event, "--event"))
