"""Importing this module in a locustfile adds a tab to locust's web page that shows the endpoint's auto scaling.

It shows what `harness watch` shows, with one row for each scalable target and function, and is refreshed with the
page's own statistics. Against real AWS the tab stays empty, because only the harness tells.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from flask import Response, request
from locust import events
from locust.env import Environment

from harness.core.errors import HarnessError
from harness.load.locust import web_form  # noqa: F401 - closes the web page to other users and other sites
from harness.load.locust.scaling_table import COLUMNS, table_rows
from harness.local_aws.client import LocalAwsClient

KEY = "auto-scaling"
_STATISTICS = "/stats/requests"  # the page asks for it every two seconds while a test runs
_FRESH_SECONDS = 1.0


class ScalingTab:
    """The rows of the tab; asks the harness at most once a second, however many pages are open."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._rows: list[dict[str, str]] = []
        self._read_at = -_FRESH_SECONDS

    def rows(self) -> list[dict[str, str]]:
        url = self._environment.host or os.environ.get("AWS_ENDPOINT_URL")
        if url and time.monotonic() - self._read_at >= _FRESH_SECONDS:
            self._read_at = time.monotonic()
            try:
                self._rows = table_rows(LocalAwsClient(url).scaling())
            except HarnessError:
                self._rows = []
        return self._rows

    def add_to(self, response: Response) -> Response:
        """Add this tab's rows to a response with locust's statistics."""
        if request.path.endswith(_STATISTICS) and response.is_json:
            document = response.get_json()
            # Locust answers with the same response for two seconds: the rows of the last time are replaced.
            others = [table for table in document.get("extended_stats", ()) if table["key"] != KEY]
            document["extended_stats"] = [*others, {"key": KEY, "data": self.rows()}]
            response.set_data(json.dumps(document))
        return response


def _attach(environment: Environment, **_: Any) -> None:
    page: Any = environment.web_ui
    if page is None or any(tab["key"] == KEY for tab in page.template_args.get("extended_tabs", ())):
        return
    structure = [{"key": key, "title": title} for key, title in COLUMNS.items()]
    # Locust's page shows these of its own accord (locust's example extend_web_ui.py).
    page.template_args.setdefault("extended_tabs", []).append({"title": "Auto scaling", "key": KEY})
    page.template_args.setdefault("extended_tables", []).append({"key": KEY, "structure": structure})
    page.app.after_request(ScalingTab(environment).add_to)


_events: Any = events
_events.init.add_listener(_attach)
