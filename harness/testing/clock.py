"""The local AWS's clock in a test's hands: minutes of alarms, cooldowns and provisioning in seconds."""

from __future__ import annotations

import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from typing import Any

from harness.core.errors import HarnessError
from harness.local_aws.options import HIGHEST_SPEED

FAST = 100.0
"""Seconds of the clock in one of the wall's while advance() runs: a look at the alarms (every 10 s) has 100 ms then."""
_POLL_SECONDS = 0.02


class HarnessClock:
    """Alarms, cooldowns, provisioning and metrics follow it; requests keep their own latencies whatever it does."""

    def __init__(self, url: str) -> None:
        self._url = f"{url}/_harness/clock"

    def now(self) -> float:
        """Unix seconds of the clock, which runs ahead of the wall's once it was sped up."""
        return float(self._call()["now"])

    @property
    def speed(self) -> float:
        """How many of its seconds pass in one of the wall's."""
        return float(self._call()["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        if not 0 < speed <= HIGHEST_SPEED:
            raise HarnessError(f"A speed of {speed:g} is none: give a number above 0 and up to {HIGHEST_SPEED:g}.")
        self._call({"speed": speed})

    @contextlib.contextmanager
    def at(self, speed: float) -> Iterator[None]:
        """Runs at a speed for the time of a ``with`` block."""
        before = self.speed
        self.speed = speed
        try:
            yield
        finally:
            self.speed = before

    def advance(self, seconds: float, speed: float = FAST) -> None:
        """Returns when so many seconds of the clock have passed, in which everything that was due has begun."""
        end = self.now() + seconds
        with self.at(speed):
            while (left := end - self.now()) > 0:
                time.sleep(min(left / speed, 1.0) + _POLL_SECONDS)

    def _call(self, document: dict[str, Any] | None = None) -> dict[str, Any]:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self._url, data, method="GET" if data is None else "PUT")  # noqa: S310 - ours
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return dict(json.loads(answer.read()))
