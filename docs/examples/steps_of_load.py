"""A locustfile with a schedule of its own: three rates, one after the other.

locust -f docs/examples/steps_of_load.py --headless
"""

import os

from locust import task

import harness.load.locust.record_runs  # noqa: F401 - records the run
from harness.load.locust.open_loop import OpenLoop
from harness.load.locust.users import LambdaUser
from harness.load.traffic_forms import steps


class Steps(OpenLoop, LambdaUser):
    @classmethod
    def schedule(cls, environment):
        return steps([2, 4, 8], seconds=float(os.environ.get("STEPS_SECONDS", "60")))

    @task
    def ask(self):
        self.invoke(os.environ.get("STEPS_FUNCTION", "dog-breed"), {"url": "https://example.com/dog.jpg"})
