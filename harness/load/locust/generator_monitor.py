"""Watches the load generator itself: its CPU, how late its event loop turns, and what a request costs it.

A process writes lines of JSON to ``generator.jsonl`` (a worker to ``generator-0.jsonl``, ...) in the run folder: first
the measurement against a null server, then a sample a second. ``load.generator_log`` reads them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import gevent
from geventhttpclient import HTTPClient

from harness.core.sigv4 import SigningCredentials, signed_headers
from harness.load import null_server
from harness.load.histogram import Histogram
from harness.load.locust.timer import Timer

logger = logging.getLogger(__name__)

EVERY = 1.0
"""Seconds between samples."""
PROBE = 0.01
"""Seconds between looks at the loop. A look costs some 50 us, and no answer can hide a shorter lag for long."""
NULL_REQUESTS = 150
NULL_WARM_UP = 20
NULL_BODY = b"x" * 100
_START_SECONDS = 10.0


def own_overhead() -> dict[str, float] | None:
    """What one signed request of 100 bytes to a null server costs, in seconds; None if no null server could be started.

    cpu_s: CPU of this process; p50_s, p99_s: from the sending to the last byte.
    """
    # Isolated and without site-packages: it starts in some 50 ms.
    command = [sys.executable, "-I", "-S", str(null_server.__file__)]
    try:
        server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        logger.warning("The generator's own overhead is not known: the null server did not start (%s).", error)
        return None
    try:
        assert server.stdout is not None
        with gevent.Timeout(_START_SECONDS):
            port = int(server.stdout.readline())
        client = HTTPClient("127.0.0.1", port, connection_timeout=5, network_timeout=5)
        times = _timed(client, f"127.0.0.1:{port}")
        client.close()
    except (gevent.Timeout, OSError, ValueError) as error:
        logger.warning("The generator's own overhead is not known: the null server did not answer (%s).", error)
        return None
    finally:
        assert server.stdin is not None
        server.stdin.close()
        server.terminate()
        server.wait()
    return times


def _timed(client: HTTPClient, host: str) -> dict[str, float]:
    credentials = SigningCredentials("null", "null")
    seconds: list[float] = []
    cpu = 0.0
    for number in range(NULL_REQUESTS + NULL_WARM_UP):
        if number == NULL_WARM_UP:
            seconds.clear()
            cpu = time.process_time()
        path = "/2015-03-31/functions/null/invocations"
        headers = signed_headers(
            credentials, "us-east-1", "lambda",
            method="POST", path=path, query="", headers={"Host": host}, body=NULL_BODY, at=time.time(),
        )  # fmt: skip
        start = time.perf_counter()
        client.request("POST", path, NULL_BODY, headers).read()
        seconds.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / NULL_REQUESTS
    seconds.sort()
    return {
        "cpu_s": cpu,
        "p50_s": seconds[len(seconds) // 2],
        "p99_s": seconds[int(len(seconds) * 0.99)],
    }


class GeneratorMonitor:
    """Writes samples of this process to a file until it is closed. If the file cannot be written, the load goes on.

    outstanding: gives the number of requests that are under way now.
    """

    def __init__(self, path: Path, outstanding: Callable[[], int]) -> None:
        self._outstanding = outstanding
        self._file: TextIO | None = path.open("w", encoding="utf-8")
        self._lag = Histogram()
        self._greenlets = [gevent.spawn(self._watch_lag)]
        self._write({"null": own_overhead()})
        self._lag = Histogram()
        self._greenlets.append(gevent.spawn(self._sample))

    def close(self) -> None:
        """Stop. Safe to call twice."""
        gevent.killall(self._greenlets)
        if self._file is not None:
            self._file.close()
            self._file = None

    def _watch_lag(self) -> None:
        timer = Timer()
        try:
            while True:
                due = time.perf_counter() + PROBE
                timer.sleep_until(due)
                self._lag.record(time.perf_counter() - due)
        finally:
            timer.close()

    def _sample(self) -> None:
        then, cpu = time.perf_counter(), time.process_time()
        while True:
            gevent.sleep(EVERY)
            now, used = time.perf_counter(), time.process_time()
            lag, self._lag = self._lag, Histogram()
            if not lag.total:
                # The loop was not looked at once in a whole second.
                lag.record(now - then)
            cpu_share = (used - cpu) / (now - then)
            self._write({"at": time.time(), "cpu": cpu_share, "outstanding": self._outstanding(), "lag": lag.encode()})
            then, cpu = now, used

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(line) + "\n")
            self._file.flush()
        except OSError as error:
            logger.error("How the generator fares is no longer recorded (%s).", os.strerror(error.errno or 0))
            with contextlib.suppress(OSError):  # what it still holds cannot be written either
                self._file.close()
            self._file = None
