"""The local AWS's clock, which a test can speed up: minutes of alarms, cooldowns and provisioning take seconds."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator

from harness.core.errors import HarnessError
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import HIGHEST_SPEED

FAST = 100.0
"""Speed of the clock while advance() runs: the alarms are then evaluated (every 10 s of the clock) every 100 ms."""
_POLL_SECONDS = 0.02


class HarnessClock:
    """The clock of alarms, cooldowns, provisioning and metrics. The latencies of requests do not follow it."""

    def __init__(self, url: str) -> None:
        self._client = LocalAwsClient(url)

    def now(self) -> float:
        """Unix seconds of the clock; once it was sped up, it is ahead of the wall clock."""
        return float(self._client.clock()["now"])

    @property
    def speed(self) -> float:
        """Seconds of the clock that pass in one second of the wall clock."""
        return float(self._client.clock()["speed"])

    @speed.setter
    def speed(self, speed: float) -> None:
        if isinstance(speed, bool) or not isinstance(speed, int | float):
            raise HarnessError(f"The clock's speed is a number, not {speed!r}.")
        if not 0 < speed <= HIGHEST_SPEED:
            raise HarnessError(
                f"The clock cannot run at a speed of {speed:g}: give a number above 0 and up to {HIGHEST_SPEED:g}."
            )
        self._client.set_speed(speed)

    @contextlib.contextmanager
    def at(self, speed: float) -> Iterator[None]:
        """Run at another speed within a ``with`` block."""
        before = self.speed
        self.speed = speed
        try:
            yield
        finally:
            self.speed = before

    def advance(self, seconds: float, speed: float = FAST) -> None:
        """Wait until ``seconds`` of the clock have passed; everything that was due in them has then begun."""
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
            raise HarnessError(f"The clock advances by a number of seconds of 0 or more, not {seconds!r}.")
        end = self.now() + seconds
        with self.at(speed):
            while (left := end - self.now()) > 0:
                time.sleep(min(left / speed, 1.0) + _POLL_SECONDS)
