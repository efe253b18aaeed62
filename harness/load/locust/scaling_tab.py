"""Importing this module in a locustfile adds a tab to locust's web page: where the endpoint's auto scaling stands.

The same as `harness watch`, one row a scalable target and function, refreshed with the page's own statistics. Against
real AWS the tab stays empty: only a harness tells.
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
from harness.load.locust.scaling_table import COLUMNS, table_rows
from harness.local_aws.client import LocalAwsClient

KEY = "auto-scaling"
_STATISTICS = "/stats/requests"  # what the page asks for every two seconds while a test runs
_FRESH_SECONDS = 1.0


class ScalingTab:
    """Reads the harness at most once a second, whoever looks."""

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
        """The statistics with this tab's rows in them."""
        if request.path.endswith(_STATISTICS) and response.is_json:
            document = response.get_json()
            # Locust answers with the same response for two seconds: what was added last time is replaced.
            others = [one for one in document.get("extended_stats", ()) if one["key"] != KEY]
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
