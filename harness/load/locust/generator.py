"""Starts a greenlet at each arrival of a schedule, whether or not the earlier ones are done."""

from __future__ import annotations

import logging
import math
import random
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Group
from locust import User
from locust.exception import StopTest, StopUser

from harness.load.locust.arrival import mark_arrival
from harness.load.locust.timer import Timer

logger = logging.getLogger(__name__)

END_TOLERANCE = 3.0
"""Seconds. Locust's run time starts a little before the schedule does. If less than this is left of the schedule when
the test ends, the rest is still sent, so that a schedule as long as the run time is played whole."""
_NOTICE = 0.5
"""Seconds within which the end of the test is noticed in a long gap."""
_BURST = 64
"""Arrivals that are due together: so many are started at most before the started ones get their turn."""


class Generator:
    """Plays one process's share of a schedule: each arrival runs one of the user's tasks.

    limit: requests under way at most. dropped: called with the intended start (Unix s) of each arrival beyond it.
    """

    def __init__(
        self, user: User, arrivals: Iterator[float], seconds: float, limit: int, dropped: Callable[[float], None]
    ) -> None:
        self.user = user
        self.finished = Event()
        self._arrivals = arrivals
        self._seconds = seconds
        self._limit = limit
        self._dropped = dropped
        self._under_way = Group()
        self._ending = Event()
        self._sent = Event()
        self._begun = 0.0

    @property
    def outstanding(self) -> int:
        return len(self._under_way)

    def start(self, at: float) -> None:
        """Begin the schedule at Unix time ``at``; if that has passed, the first arrivals are late."""
        self._begun = time.perf_counter() + at - time.time()
        gevent.spawn(self._run)

    def stop(self, patience: float, hurried: bool = False) -> None:
        """Start no more arrivals, wait ``patience`` seconds for those under way, then cut them off.

        hurried: do not send the rest of a schedule that is nearly over either.
        """
        if hurried:
            self._seconds = math.inf
        self._ending.set()
        self._sent.wait(END_TOLERANCE + 1)
        self._under_way.join(patience)
        self._under_way.kill()
        self._finish()

    def _run(self) -> None:
        self.user.on_start()
        timer = Timer()
        try:
            self._follow(timer)
        finally:
            timer.close()
            self._sent.set()
        self._under_way.join()
        self._finish()

    def _follow(self, timer: Timer) -> None:
        due_together = 0
        for offset in self._arrivals:
            intended = self._begun + offset
            now = time.perf_counter()
            if self._ending.is_set() and not self._nearly_done(now):
                return
            due_together += 1
            if intended > now or due_together >= _BURST:
                due_together = 0
                while intended - time.perf_counter() > _NOTICE and not self._ending.is_set():
                    timer.sleep_until(time.perf_counter() + _NOTICE)
                if self._ending.is_set() and not self._nearly_done(time.perf_counter()):
                    return
                timer.sleep_until(intended)
            if len(self._under_way) >= self._limit:
                self._dropped(time.time() + intended - time.perf_counter())
                continue
            arrival = gevent.Greenlet(self._arrive)
            mark_arrival(arrival, intended)
            self._under_way.start(arrival)

    def _nearly_done(self, now: float) -> bool:
        return self._begun + self._seconds - now <= END_TOLERANCE

    def _arrive(self) -> None:
        user: Any = self.user
        task = random.choice(user.tasks)  # noqa: S311 - which of a scenario's tasks comes next
        try:
            task(user)
        except (StopUser, StopTest):
            self._ending.set()
        except Exception as error:
            logger.error("%s", "".join(traceback.format_exception(error)))
            user.environment.events.user_error.fire(user_instance=user, exception=error, tb=error.__traceback__)

    def _finish(self) -> None:
        if not self.finished.is_set():
            self.finished.set()
            self.user.on_stop()  # type: ignore[no-untyped-call]
