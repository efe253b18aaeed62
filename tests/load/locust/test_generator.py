"""The generator keeps to the schedule whatever the requests do, and reports dropped arrivals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.load.locust.unpatched import locust  # isort: skip

import gevent
import pytest
from locust.env import Environment
from locust.exception import StopUser

from harness.load.locust.arrival import mark_arrival, take_lateness
from harness.load.locust.generator import Generator
from harness.load.locust.timer import Timer


class Caller(locust.User):
    """A user that notes how late each first request of a task is, and then does what the test says."""

    abstract = True

    def __init__(self, environment: Environment, then: Callable[[], Any]) -> None:
        super().__init__(environment)
        self.late: list[float] = []
        self.ended = False
        self._then = then

    def ask(self) -> None:
        late = take_lateness(time.perf_counter())
        assert late is not None
        self.late.append(late)
        self._then()

    tasks = [ask]  # noqa: RUF012 - as locust declares it

    def on_stop(self) -> None:
        self.ended = True


@pytest.fixture
def environment() -> Iterator[Environment]:
    environment = Environment(user_classes=[Caller])
    yield environment
    environment.runner = None


def playing(
    environment: Environment, arrivals: list[float], then: Callable[[], Any], *, limit: int = 100, seconds: float = 1.0
) -> tuple[Generator, Caller, list[float]]:
    dropped: list[float] = []
    user = Caller(environment, then)
    generator = Generator(user, iter(arrivals), seconds, limit, dropped.append)
    generator.start(time.time())
    return generator, user, dropped


def test_arrivals_do_not_wait_for_answers(environment: Environment) -> None:
    begun = time.perf_counter()
    generator, user, dropped = playing(environment, [i / 100 for i in range(20)], lambda: gevent.sleep(0.3))
    gevent.sleep(0.25)
    assert (len(user.late), generator.outstanding, dropped) == (20, 20, [])
    assert generator.finished.wait(5)
    # One after the other it would take 6 s.
    assert time.perf_counter() - begun < 3
    assert user.ended


def test_an_arrival_beyond_the_limit_is_dropped_at_its_time(environment: Environment) -> None:
    begun = time.time()
    generator, user, dropped = playing(environment, [0.0, 0.01, 0.02, 0.03], lambda: gevent.sleep(0.2), limit=2)
    assert generator.finished.wait(5)
    assert len(user.late) == 2
    assert [moment - begun for moment in dropped] == pytest.approx([0.02, 0.03], abs=0.01)


def test_a_request_that_blocks_the_process_makes_later_arrivals_late(environment: Environment) -> None:
    blocked = iter([0.2] + [0.0] * 20)
    generator, user, _ = playing(environment, [i / 100 for i in range(10)], lambda: time.sleep(next(blocked)))
    assert generator.finished.wait(5)
    # The second was due at 10 ms and could be sent at 200.
    assert user.late[1] > 0.15


def test_a_task_that_raises_is_reported_and_the_schedule_goes_on(environment: Environment) -> None:
    errors: list[Exception] = []
    hooks: Any = environment.events
    hooks.user_error.add_listener(lambda exception, **_: errors.append(exception))
    generator, user, _ = playing(environment, [0.0, 0.01], lambda: 1 / 0)
    assert generator.finished.wait(5)
    assert len(user.late) == len(errors) == 2
    assert isinstance(errors[0], ZeroDivisionError)


def test_a_task_that_stops_the_user_ends_the_schedule(environment: Environment) -> None:
    def stop() -> None:
        raise StopUser

    generator, user, _ = playing(environment, [0.0, 0.2, 60.0], stop, seconds=120)
    assert generator.finished.wait(5)
    assert len(user.late) < 3


def test_the_end_waits_for_requests_under_way_and_then_cuts_them_off(environment: Environment) -> None:
    generator, user, _ = playing(environment, [0.0, 60.0], lambda: gevent.sleep(0.3), seconds=61)
    gevent.sleep(0.05)
    generator.stop(patience=5)
    assert generator.finished.is_set()
    assert generator.outstanding == 0

    cut: list[str] = []

    def hang() -> None:
        try:
            gevent.sleep(60)
        except gevent.GreenletExit:
            cut.append("cut off")
            raise

    generator, user, _ = playing(environment, [0.0], hang)
    gevent.sleep(0.05)
    generator.stop(patience=0.05)
    assert cut == ["cut off"]
    assert user.ended


def test_the_rest_of_a_nearly_finished_schedule_is_sent_unless_in_a_hurry(environment: Environment) -> None:
    generator, user, _ = playing(environment, [0.0, 0.2, 0.4], lambda: None, seconds=0.5)
    generator.stop(patience=1)
    assert len(user.late) == 3
    generator, user, _ = playing(environment, [0.0, 0.2, 0.4], lambda: None, seconds=0.5)
    generator.stop(patience=1, hurried=True)
    assert len(user.late) < 3


def test_only_the_first_request_of_a_task_is_an_arrival() -> None:
    def task() -> list[float | None]:
        return [take_lateness(5.25), take_lateness(6.0)]

    arrival = gevent.Greenlet(task)
    mark_arrival(arrival, 5.0)
    arrival.start()
    assert arrival.get() == [0.25, None]
    assert gevent.spawn(task).get() == [None, None]


def test_the_timer_is_late_by_a_fraction_of_a_millisecond() -> None:
    timer = Timer()
    late = []
    for _ in range(50):
        due = time.perf_counter() + 0.002
        timer.sleep_until(due)
        late.append(time.perf_counter() - due)
    timer.sleep_until(time.perf_counter() - 1)
    timer.close()
    assert min(late) >= 0
    # gevent's own sleep is half a millisecond late at the median.
    assert sorted(late)[len(late) // 4] < 0.0004
