"""What locust's web page leaves to be wished for."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from harness.load.locust.open_loop import scheduled, too_many


def attach(environment: Environment) -> None:
    """On the process that has the page."""
    leave_blank(environment)
    say_what_is_too_many(environment)


def say_what_is_too_many(environment: Environment) -> None:
    """On the page itself, whose class picker has every class ticked at first; locust's log has what else is wrong."""
    page: Any = environment.web_ui
    classes: Any = environment.available_user_classes or {}

    def refuse() -> Response | None:
        ticked = request.form.getlist("user_classes") if request.path.endswith("/swarm") else []
        names = scheduled(classes[name] for name in ticked if name in classes)
        if len(names) < 2 or request.form.get("shape_class", "Default") != "Default":
            return None
        return jsonify({"success": False, "message": too_many(names), "host": environment.host})

    page.app.before_request(refuse)


def leave_blank(environment: Environment) -> None:
    """A run time that is left blank is the command line's, if any: locust would keep that of the run before."""
    options: Any = environment.parsed_options
    page: Any = environment.web_ui
    given = options.run_time

    def forget() -> None:
        if request.path.endswith("/swarm") and not request.form.get("run_time"):
            options.run_time = given

    page.app.before_request(forget)


def _listen_here(parser: LocustArgumentParser) -> None:
    """Whoever reaches the page can start load; --web-host opens it to others, as locust does by itself."""
    parser.set_defaults(web_host="127.0.0.1")


_events: Any = events
_events.init_command_line_parser.add_listener(_listen_here)
