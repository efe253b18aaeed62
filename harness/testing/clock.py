"""The local AWS's clock in a test's hands: minutes of alarms, cooldowns and provisioning in seconds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from harness.core.errors import HarnessError
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import HIGHEST_SPEED

FAST = 100.0
"""Seconds of the clock in one of the wall's while advance() runs: a look at the alarms (every 10 s) has 100 ms then."""
_POLL_SECONDS = 0.02


class HarnessClock:
    """Alarms, cooldowns, provisioning and metrics follow it; requests keep their own latencies whatever it does."""

    def __init__(self, url: str) -> None:
        self._client = LocalAwsClient(url)

    def now(self) -> float:
        """Unix seconds of the clock, which runs ahead of the wall's once it was sped up."""
        return float(self._client.clock()["now"])

    @property
    def speed(self) -> float:
        """How many of its seconds pass in one of the wall's."""
        return float(self._client.clock()["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        if not 0 < speed <= HIGHEST_SPEED:
            raise HarnessError(f"A speed of {speed:g} is none: give a number above 0 and up to {HIGHEST_SPEED:g}.")
        self._client.set_speed(speed)

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
