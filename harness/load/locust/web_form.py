"""Changes to locust's web page: only one open-loop scenario at a time, no run time left over, for this user only, and
out of reach for the pages of other sites."""

from __future__ import annotations

import logging
import os
from typing import Any

from flask import Response, jsonify, request
from locust import events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment

from harness.load.locust.open_loop import open_loop_names, too_many
from model_server import web_pages
from model_server.peers import is_loopback, refusal

log = logging.getLogger(__name__)


def attach(environment: Environment, **_: Any) -> None:
    """Change the page of an environment that has one."""
    if environment.web_ui is None:
        return
    refuse_other_users(environment)
    refuse_other_pages(environment)
    forget_run_time(environment)
    refuse_several_schedules(environment)


def refuse_other_users(environment: Environment) -> None:
    """Refuse the other users of the machine while the page is on loopback; another --web-host is everybody's."""
    page: Any = environment.web_ui

    def refuse() -> Response | None:
        peer = (request.environ["REMOTE_ADDR"], int(request.environ["REMOTE_PORT"]))
        sentence = refusal(peer, page.server.socket.getsockname())
        return None if sentence is None else Response(sentence, 403, content_type="text/plain; charset=utf-8")

    if is_loopback(page.host):
        page.app.before_request(refuse)


def refuse_other_pages(environment: Environment) -> None:
    """Refuse the requests of other sites' pages, which could start load or change the run.

    A link to the page itself may be followed from anywhere.
    """
    page: Any = environment.web_ui
    try:
        names = os.environ.get(web_pages.VARIABLE, "").split(",")
        hosts = web_pages.allowed_hosts(page.host, names, loopback=is_loopback(page.host))
    except ValueError as error:
        log.warning("%s is left out: %s", web_pages.VARIABLE, error)
        hosts = web_pages.allowed_hosts(page.host, loopback=is_loopback(page.host))

    def refuse() -> Response | None:
        headers = [(name.lower(), value) for name, value in request.headers.items()]
        sentence = web_pages.host_fault(headers, hosts)
        if sentence is None and not _is_visit():
            sentence = web_pages.origin_fault(web_pages.foreign_origin(headers, hosts))
        return None if sentence is None else Response(sentence, 403, content_type="text/plain; charset=utf-8")

    page.app.before_request(refuse)


def _is_visit() -> bool:
    """Whether the browser opens the page for its user, who typed its address or followed a link, or loads its parts."""
    if request.method != "GET" or "Origin" in request.headers:
        return False
    if request.path.startswith("/assets/"):
        return True
    opened = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.path == "/" and opened and request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"


def refuse_several_schedules(environment: Environment) -> None:
    """Refuse a start with several open-loop scenarios, with a message on the page.

    The page's class picker has every class ticked at first. Other mistakes are said in locust's log.
    """
    page: Any = environment.web_ui
    classes: Any = environment.available_user_classes or {}

    def refuse() -> Response | None:
        ticked = request.form.getlist("user_classes") if request.path.endswith("/swarm") else []
        names = open_loop_names(classes[name] for name in ticked if name in classes)
        if len(names) < 2 or request.form.get("shape_class", "Default") != "Default":
            return None
        return jsonify({"success": False, "message": too_many(names), "host": environment.host})

    page.app.before_request(refuse)


def forget_run_time(environment: Environment) -> None:
    """Take a blank run time as the command line's, if any. Locust would take it as that of the run before."""
    options: Any = environment.parsed_options
    page: Any = environment.web_ui
    of_command_line = options.run_time

    def forget() -> None:
        if request.path.endswith("/swarm") and not request.form.get("run_time"):
            options.run_time = of_command_line

    page.app.before_request(forget)


def _listen_here(parser: LocustArgumentParser) -> None:
    """Put the page and the master's port on loopback, because whoever reaches the page can start load and whoever
    reaches the port can report any figures; --web-host and --master-bind-host open them to others."""
    parser.set_defaults(web_host="127.0.0.1", master_bind_host="127.0.0.1")


_events: Any = events
_events.init_command_line_parser.add_listener(_listen_here)
_events.init.add_listener(attach)
