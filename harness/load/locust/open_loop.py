"""Open loop: requests start when a schedule says, not when the answer before them has come.

    class Steady(OpenLoop, LambdaUser):
        @classmethod
        def schedule(cls, environment):
            return constant(rate=50, seconds=60)

        @task
        def ask(self):
            self.invoke("dog-breed", {"url": "https://..."})

Each arrival runs one of the tasks; the first request of the task counts from the arrival's intended start. However many
users locust is asked for, the schedule is played once; under a master it is dealt over all workers arrival by arrival,
beginning at the same moment. When the schedule is over and its last request answered, the run ends.

Options: --max-outstanding, and the seed of ``recording``.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from weakref import WeakKeyDictionary

import gevent
from gevent.event import Event
from locust import User, events
from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING, MasterRunner, WorkerRunner
from locust.user.task import LOCUST_STATE_WAITING

from harness.core.errors import HarnessError
from harness.hosting.rules.timeouts import CLIENT_SECONDS
from harness.load.locust.generator import Generator
from harness.load.schedule import Schedule, poisson, share

logger = logging.getLogger(__name__)

BEGIN, FINISHED, STOP, STOPPED = "harness-begin", "harness-finished", "harness-stop", "harness-stopped"
LEAD = 0.3
"""Seconds from the master's word until the workers begin: more than a message takes."""
WATCH_EVERY = 0.5
"""Seconds between a master's looks at whether its workers are still there."""
MESSAGE_PATIENCE = 5.0
"""Seconds beyond the requests' own time that a master waits for its workers' last word."""

dropped: list[Callable[[str, float], None]] = []
"""Called with the scenario's name and the intended start (Unix s) of an arrival that was never sent."""


class OpenLoop(User):
    """Mixed into a user: its tasks are run at the arrivals of ``schedule``, at random unless ``arrivals`` differs."""

    abstract = True
    connections = 1000

    @classmethod
    def schedule(cls, environment: Environment) -> Schedule:
        """The rate over time; HarnessError where the options make none."""
        raise NotImplementedError(f"{cls.__name__} has no schedule")

    @classmethod
    def arrivals(cls, environment: Environment, schedule: Schedule, seed: int) -> Iterator[float]:
        """The intended starts of the whole schedule, the same on every worker."""
        return poisson(schedule, seed)

    @classmethod
    def check(cls, environment: Environment) -> None:
        checked: Any = super()
        if hasattr(checked, "check"):
            checked.check(environment)
        cls.check_schedule(environment)

    @classmethod
    def check_schedule(cls, environment: Environment) -> None:
        """What is checked of the schedule itself: on a master too, which sends nothing."""
        cls.schedule(environment)
        _limit(environment)
        chosen = scheduled(environment.user_classes)
        # A worker may be started with all scenarios: which one is played is its master's to say.
        chooses = environment.shape_class is None and not isinstance(environment.runner, WorkerRunner)
        if len(chosen) > 1 and chooses:
            raise HarnessError(too_many(chosen))

    def __init__(self, environment: Environment) -> None:
        self.connections = _limit(environment)
        super().__init__(environment)

    def on_start(self) -> None:
        # Locust's own users only keep their place; the generator's one does the work.
        rounds = _rounds(self.environment)
        if not rounds.is_worker(self):
            rounds.begin(type(self))
            # Between tasks, as locust sees it: it then ends a user at once, where --stop-timeout waits for one at work.
            self._state = LOCUST_STATE_WAITING
            Event().wait()

    def on_stop(self) -> None:
        rounds = _rounds(self.environment)
        if not rounds.is_worker(self):
            rounds.left(self)
        super().on_stop()  # type: ignore[no-untyped-call]


def scheduled(user_classes: Iterable[type[User]]) -> list[str]:
    """The names of those with a schedule of their own."""
    return sorted(each.__name__ for each in user_classes if issubclass(each, OpenLoop))


def too_many(names: Iterable[str]) -> str:
    return f"Name one scenario: each of {', '.join(names)} has a schedule of its own."


def leave_out_unnamed(environment: Environment) -> None:
    """Locust takes every user class where none is named: several schedules at once are not what anybody means then."""
    named = getattr(environment.parsed_options, "user_classes", None)
    schedules = scheduled(environment.user_classes)
    others = [each for each in environment.user_classes if each.__name__ not in schedules]
    if named or len(schedules) < 2 or not others or isinstance(environment.runner, WorkerRunner):
        return
    environment.user_classes[:] = others
    taken, left = ", ".join(sorted(each.__name__ for each in others)), ", ".join(schedules)
    logger.info("No user class is named, so these are run: %s. With a schedule, to be named: %s.", taken, left)


class Rounds:
    """The schedules that are played in one locust process, and, under a master, how they begin and end together."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.completed = False
        self.hurried = False
        self._ending = False
        self._awaited = False
        self._longest = self._last_due = 0.0
        self.generators: dict[str, Generator] = {}
        self._runner: Any = environment.runner
        self._begun: set[str] = set()
        self._waiting: dict[str, set[str]] = {}
        self._stopped: set[str] = set()
        self.lost: set[str] = set()
        """Workers that have gone in the middle of a schedule, with their shares of it."""

    @property
    def outstanding(self) -> int:
        return sum(each.outstanding for each in self.generators.values())

    def is_worker(self, user: User) -> bool:
        return any(each.user is user for each in self.generators.values())

    def reset(self) -> None:
        """A test starts."""
        self.completed = self._ending = self._awaited = False
        self._longest = self._last_due = 0.0
        self.generators, self._begun, self._waiting, self._stopped, self.lost = {}, set(), {}, set(), set()

    def begin(self, user_class: type[OpenLoop]) -> None:
        """Locust has started a user of the class here: play its schedule, unless that has begun."""
        name = user_class.__name__
        if name in self._begun:
            return
        self._begun.add(name)
        if isinstance(self._runner, WorkerRunner):
            self._runner.send_message(BEGIN, {"scenario": name})
        else:
            self._play(user_class, time.time(), 0, 1, self._seed())

    def left(self, user: User) -> None:
        """Locust has stopped a user: with the last of its class, its schedule ends."""
        name = type(user).__name__
        others = self._runner.user_classes_count.get(name, 0)
        if others <= 1 and name in self.generators and not isinstance(self._runner, WorkerRunner):
            self.generators[name].stop(self._patience(user), self.hurried)
            self._begun.discard(name)

    def stop(self) -> None:
        """The test ends: no more arrivals, and those under way are answered or cut off."""
        if self._timed_out():
            self._await_the_schedules_end()
        self._ending = True
        if isinstance(self._runner, MasterRunner):
            self._stop_workers()
            return
        stopping = [
            gevent.spawn(each.stop, self._patience(each.user), self.hurried) for each in self.generators.values()
        ]
        gevent.joinall(stopping)

    def _timed_out(self) -> bool:
        """Whether locust's run time is what ends the test: its timer starts before the schedules do."""
        headless = self.environment.web_ui is None and self.environment.shape_class is None
        return headless and not (self.completed or self.hurried or isinstance(self._runner, WorkerRunner))

    def _await_the_schedules_end(self) -> None:
        """Of schedules alone that are no longer than the run time: until their last arrival is due, whether or not a
        worker ever says that its share is done. An interrupt ends the wait."""
        run_time = float(getattr(self.environment.parsed_options, "run_time", None) or 0)
        self._awaited = self._alone and self._longest <= run_time
        while self._awaited and time.monotonic() < self._last_due and not (self.hurried or self.completed):
            gevent.sleep(0.05)

    def _note(self, schedule: Schedule, at: float) -> None:
        """A schedule begins at Unix time ``at``."""
        self._longest = max(self._longest, schedule.seconds)
        self._last_due = max(self._last_due, time.monotonic() + at - time.time() + schedule.seconds)

    @property
    def _alone(self) -> bool:
        return all(issubclass(each, OpenLoop) for each in self.environment.user_classes)

    @property
    def _playing(self) -> bool:
        return any(self._waiting.values()) or any(not each.finished.is_set() for each in self.generators.values())

    # Messages between a master and its workers.

    def on_begin_asked(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On the master: a worker has a user of a scenario; all workers are to play it, from the same moment on."""
        name = msg.data["scenario"]
        if name in self._begun:
            return
        self._begun.add(name)
        # By index, and without those that have gone: the shares must be whole.
        workers = sorted(self._workers(), key=self._runner.get_worker_index)
        self._waiting[name] = set(workers)
        at = time.time() + LEAD
        user_class: Any = self._runner.user_classes_by_name[name]
        self._note(user_class.schedule(self.environment), at)
        for place, worker in enumerate(workers):
            order = {"scenario": name, "at": at, "index": place, "of": len(workers), "seed": self._seed()}
            # Of locust's own options a worker is not told this one.
            order["run_time"] = getattr(self.environment.parsed_options, "run_time", None)
            self._runner.send_message(BEGIN, order, client_id=worker)
        gevent.spawn(self._watch_workers, name)

    def _watch_workers(self, name: str) -> None:
        """Waits no longer for workers that have gone: locust notices by their heartbeat, and tells nobody."""
        waiting = self._waiting[name]
        while waiting and not self._ending:
            gevent.sleep(WATCH_EVERY)
            gone = waiting - set(self._workers()) - self._stopped
            self.lost |= gone
            waiting -= gone
            if gone and not waiting:
                self._end_if_all_done()

    def on_begin_ordered(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On a worker."""
        order = msg.data
        self._begun.add(order["scenario"])
        options: Any = self.environment.parsed_options
        options.run_time = order["run_time"]
        user_class: Any = self._runner.user_classes_by_name[order["scenario"]]
        self._play(user_class, order["at"], order["index"], order["of"], order["seed"])

    def on_finished(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On the master: a worker's share is done."""
        waiting = self._waiting.get(msg.data["scenario"], set())
        waiting.discard(msg.node_id)
        if not waiting:
            self._end_if_all_done()

    def on_stop_ordered(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On a worker: the test ends; say when nothing is under way any more."""

        def stop() -> None:
            self.stop()
            self._runner.send_message(STOPPED, {})

        gevent.spawn(stop)

    def on_stopped(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On the master."""
        self._stopped.add(msg.node_id)

    def _workers(self) -> list[str]:
        clients = self._runner.clients
        return [each.id for each in (*clients.ready, *clients.spawning, *clients.running)]

    def _stop_workers(self) -> None:
        if not self._begun:
            return
        self._runner.send_message(STOP, {})
        patience = max((self._patience(each) for each in self.environment.user_classes), default=0.0)
        with gevent.Timeout(patience + MESSAGE_PATIENCE, False):
            while not set(self._workers()) <= self._stopped:
                gevent.sleep(0.05)
        self.lost |= set().union(*self._waiting.values()) - self._stopped

    def _play(self, user_class: type[OpenLoop], at: float, index: int, of: int, seed: int) -> None:
        environment = self.environment
        try:
            user_class.check(environment)
            schedule = user_class.schedule(environment)
        except HarnessError as error:
            # Locust's own user of the class has said so in its own words.
            logger.debug("%s", error)
            return
        name = user_class.__name__

        def drop(intended: float) -> None:
            for listener in dropped:
                listener(name, intended)

        self._note(schedule, at)
        user = user_class(environment)
        arrivals = share(user_class.arrivals(environment, schedule, seed), index, of)
        limit = max(1, _limit(environment) // of)
        generator = Generator(user, arrivals, schedule.seconds, limit, drop)
        self.generators[name] = generator
        generator.start(at)
        gevent.spawn(self._await_end, name, generator)

    def _await_end(self, name: str, generator: Generator) -> None:
        generator.finished.wait()
        if isinstance(self._runner, WorkerRunner):
            self._runner.send_message(FINISHED, {"scenario": name})
        else:
            self._end_if_all_done()

    def _end_if_all_done(self) -> None:
        """End the run where it is of schedules alone, and they are done."""
        running = self._runner.state in (STATE_RUNNING, STATE_SPAWNING)
        if self._playing or not self._alone or not running or self._ending or self.environment.shape_class is not None:
            return
        self.completed = True
        if self._awaited:  # by what ends the run then
            return
        # Not in this greenlet: the end of a test ends the generators' own.
        gevent.spawn(self._runner.quit if self.environment.web_ui is None else self._runner.stop)

    def _seed(self) -> int:
        return int(getattr(self.environment.parsed_options, "seed", None) or 0)

    def _patience(self, user: Any) -> float:
        """Seconds for requests under way: what the user gave, else as long as one may take; none on an interrupt."""
        unlimited = 0.0 if self.hurried else getattr(user, "read_timeout", CLIENT_SECONDS)
        return float(self.environment.stop_timeout or unlimited)


_of: WeakKeyDictionary[Environment, Rounds] = WeakKeyDictionary()


def _rounds(environment: Environment) -> Rounds:
    return _of[environment]


def rounds_of(environment: Environment) -> Rounds | None:
    """The schedules of an environment's process; None before locust is up."""
    return _of.get(environment)


def _limit(environment: Environment) -> int:
    given = str(getattr(environment.parsed_options, "max_outstanding", "1000"))
    if not (given.isdecimal() and int(given) > 0):
        raise HarnessError(f"--max-outstanding {given} is no number of requests: give 1 or more.")
    return int(given)


def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--max-outstanding", default="1000", env_var="HARNESS_MAX_OUTSTANDING",
        help="Requests under way at most, over all workers; an arrival that finds so many is dropped, and counted",
    )  # fmt: skip


def _attach(environment: Environment, **_: Any) -> None:
    leave_out_unnamed(environment)
    rounds = _of[environment] = Rounds(environment)
    runner: Any = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message(BEGIN, rounds.on_begin_asked)
        runner.register_message(FINISHED, rounds.on_finished)
        runner.register_message(STOPPED, rounds.on_stopped)
    elif isinstance(runner, WorkerRunner):
        runner.register_message(BEGIN, rounds.on_begin_ordered)
        runner.register_message(STOP, rounds.on_stop_ordered)
    hooks: Any = environment.events
    hooks.test_start.add_listener(lambda **_: rounds.reset())

    def hurry(**_: Any) -> None:
        rounds.hurried = True

    hooks.quitting.add_listener(hurry)
    hooks.test_stopping.add_listener(lambda **_: rounds.stop())
    # Locust looks at its stack when a test stops. The first look reads the sources, and holds arrivals up for 25 ms.
    inspect.stack()


_events: Any = events
_events.init_command_line_parser.add_listener(_add_options)
_events.init.add_listener(_attach)
