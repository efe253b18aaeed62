"""What locust's web form leaves to be wished for."""

from __future__ import annotations

from typing import Any

from flask import request
from locust.env import Environment


def leave_blank(environment: Environment) -> None:
    """A run time that is left blank is the command line's, if any: locust would keep that of the run before."""
    options: Any = environment.parsed_options
    page: Any = environment.web_ui
    given = options.run_time

    def forget() -> None:
        if request.path.endswith("/swarm") and not request.form.get("run_time"):
            options.run_time = given

    page.app.before_request(forget)
