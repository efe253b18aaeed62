"""Auto scaling on locust's own web page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.load.locust.scaling_table import table_rows
from tests.local_aws.test_watch import document
from tests.support import Aws

SCRIPT = """
import time
from locust import User, task
from harness.load.locust import scaling_tab

class Idle(User):
    @task
    def wait(self):
        time.sleep(0.1)
"""


def test_each_target_and_each_function_has_a_row() -> None:
    target, function = table_rows(document())
    assert target == {
        "name": "endpoint/e/variant/v",
        "capacity": "2 / 4 (1 to 4)",
        "metric": "InvocationsPerInstance 32.5 / 5",
        "recent": "▁▄ █",
        "alarms": "High ALARM",
        "cooldowns": "out 250 s, in 0 s",
        "activity": "Setting desired instance count to 4. InProgress",
    }
    assert (function["name"], function["capacity"], function["metric"]) == (
        "dog-breed",
        "3 running (reserved 5)",
        "1 of 2 provisioned",
    )


def eventually(url: str) -> requests.Response:
    deadline = time.monotonic() + 30
    while True:
        try:
            return requests.get(url, timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.parametrize("running", [True, False])
def test_the_page_has_the_tab_and_its_rows_come_with_the_statistics(tmp_path: Path, aws: Aws, running: bool) -> None:
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    page, url = f"http://127.0.0.1:{port}", aws.url if running else "http://127.0.0.1:9"
    command = [sys.executable, "-m", "locust", "--web-host", "127.0.0.1", "--web-port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, "AWS_ENDPOINT_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        html = eventually(page).text
        assert '"extended_tabs": [{"key": "auto-scaling", "title": "Auto scaling"}]' in html
        for _ in range(2):  # locust answers the second from its cache
            statistics: dict[str, Any] = requests.get(f"{page}/stats/requests", timeout=5).json()
            (table,) = statistics["extended_stats"]
            assert table["key"] == "auto-scaling"
            assert isinstance(table["data"], list)
            assert running or table["data"] == []
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert b"Traceback" not in output, output.decode()
