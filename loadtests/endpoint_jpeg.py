"""Calls the endpoint directly with a JPEG photograph, to compare its time with the Lambda's."""

from __future__ import annotations

from pathlib import Path

from locust import constant, task
from locust.env import Environment

from harness.load.locust import record_runs, scaling_tab  # noqa: F401 - records the run; auto scaling on the web page
from harness.load.locust.options import add_endpoint_name, add_option, read_file
from harness.load.locust.users import EndpointUser

FIXTURE = Path(__file__).resolve().parent.parent / "fixtures" / "dog_breed"

add_endpoint_name("dog-breed-endpoint")
add_option("--image", str(FIXTURE / "images" / "photo.jpg"), "JPEG file to send")


class EndpointJpeg(EndpointUser):
    """A user who sends one request after the other, without a pause."""

    wait_time = constant(0)

    @classmethod
    def check(cls, environment: Environment) -> None:
        super().check(environment)
        read_file(environment.parsed_options.image, "--image")

    @task
    def classify(self) -> None:
        options = self.environment.parsed_options
        self.invoke_endpoint(
            options.endpoint_name, read_file(options.image, "--image"), "image/jpeg", accept="application/json"
        )
