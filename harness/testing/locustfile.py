"""The locustfile behind the ``load`` fixture: one rate of arrivals at a function or an endpoint."""

from __future__ import annotations

from typing import Any

from locust import task

from harness.load.answers import Kind
from harness.load.locust import recording  # noqa: F401 - records the run
from harness.load.locust.options import add_option
from harness.load.locust.scenario import Scenario

add_option("--function-name", "", "Lambda function to invoke")
add_option("--endpoint-name", "", "SageMaker endpoint to invoke")


class Load(Scenario):
    """Arrivals at --rate for --run-time."""

    @classmethod
    def default_payload(cls, kind: Kind, options: Any) -> tuple[str, str]:
        return options.payload, "--payload"

    @task
    def ask(self) -> None:
        self.call()
