"""Open loop: requests start when a schedule says so, not when an earlier request was answered.

    class Steady(OpenLoop, LambdaUser):
        @classmethod
        def schedule(cls, environment):
            return constant(rate=50, seconds=60)

        @task
        def ask(self):
            self.invoke("dog-breed", {"url": "https://..."})

Each arrival runs one of the tasks; the first request of the task counts from the arrival's intended start. The schedule
is played once, however many users locust is asked for. Under a master the arrivals are dealt out to all workers, which
begin at the same moment. When the schedule is over and its last request is answered, the run ends.

Options: --max-outstanding, and --seed of ``record_runs``.
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
from harness.load.locust import web_form  # noqa: F401 - closes the web page to other users and other sites
from harness.load.locust.generator import Generator
from harness.load.locust.options import request_count
from harness.load.schedule import Schedule, poisson, share

logger = logging.getLogger(__name__)

BEGIN, FINISHED, STOP, STOPPED = "harness-begin", "harness-finished", "harness-stop", "harness-stopped"
LEAD = 0.3
"""Seconds from the master's order until the workers begin: more than a message takes."""
WATCH_EVERY = 0.5
"""Seconds between a master's looks at whether its workers are still there."""
MESSAGE_PATIENCE = 5.0
"""Seconds beyond the requests' own time that a master waits for its workers' last message."""

dropped_listeners: list[Callable[[str, float], None]] = []
"""Called with the scenario's name and the intended start (Unix s) of an arrival that was never sent."""


class OpenLoop(User):
    """Makes a user, as a base beside it, run its tasks at the arrivals of a schedule.

    A subclass gives ``schedule``; the arrivals are those of a Poisson process unless it overrides ``arrivals``.
    """

    abstract = True
    connections = 1000

    @classmethod
    def schedule(cls, environment: Environment) -> Schedule:
        """The rate over time. Raises HarnessError if the options make no schedule."""
        raise NotImplementedError(f"{cls.__name__} has no schedule")

    @classmethod
    def arrivals(cls, environment: Environment, schedule: Schedule, seed: int) -> Iterator[float]:
        """The intended starts of the whole schedule; every worker must compute the same ones."""
        return poisson(schedule, seed)

    @classmethod
    def check(cls, environment: Environment) -> None:
        checked: Any = super()
        if hasattr(checked, "check"):
            checked.check(environment)
        cls.check_schedule(environment)

    @classmethod
    def check_schedule(cls, environment: Environment) -> None:
        """Check the schedule itself; a master checks only this, because it sends nothing."""
        cls.schedule(environment)
        _limit(environment)
        names = open_loop_names(environment.user_classes)
        # A worker may be started with all scenarios: its master says which one is played.
        chooses = environment.shape_class is None and not isinstance(environment.runner, WorkerRunner)
        if len(names) > 1 and chooses:
            raise HarnessError(too_many(names))

    def __init__(self, environment: Environment) -> None:
        self.connections = _limit(environment)
        super().__init__(environment)

    def on_start(self) -> None:
        # The users that locust starts only stand there; the generator's own user sends the requests.
        player = player_of(self.environment)
        if not player.sends_with(self):
            player.begin(type(self))
            # Locust ends a user that waits between tasks at once; for a user within a task it waits --stop-timeout.
            self._state = LOCUST_STATE_WAITING
            Event().wait()

    def on_stop(self) -> None:
        player = player_of(self.environment)
        if not player.sends_with(self):
            player.left(self)
        super().on_stop()  # type: ignore[no-untyped-call]


def open_loop_names(user_classes: Iterable[type[User]]) -> list[str]:
    """The names of the open-loop classes among them, ascending."""
    return sorted(user_class.__name__ for user_class in user_classes if issubclass(user_class, OpenLoop))


def too_many(names: Iterable[str]) -> str:
    """The sentence that refuses several open-loop scenarios at once."""
    return f"Name one scenario: each of {', '.join(names)} has a schedule of its own."


def leave_out_unnamed(environment: Environment) -> None:
    """Leave the open-loop scenarios out if the command line names no user class.

    Locust would run every class, and nobody means several schedules at once.
    """
    named = getattr(environment.parsed_options, "user_classes", None)
    open_loop = open_loop_names(environment.user_classes)
    closed_loop = [user_class for user_class in environment.user_classes if user_class.__name__ not in open_loop]
    if named or len(open_loop) < 2 or not closed_loop or isinstance(environment.runner, WorkerRunner):
        return
    environment.user_classes[:] = closed_loop
    run = ", ".join(sorted(user_class.__name__ for user_class in closed_loop))
    logger.info(
        "No user class is named, so these are run: %s. To run one with a schedule, name it: %s.",
        run,
        ", ".join(open_loop),
    )


class SchedulePlayer:
    """Plays the schedules of one locust process; under a master, they begin and end together on all workers."""

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
        """Workers that went away in the middle of a schedule, with their shares of it."""

    @property
    def outstanding(self) -> int:
        return sum(generator.outstanding for generator in self.generators.values())

    def sends_with(self, user: User) -> bool:
        """Whether the user is a generator's own, and not one that locust started."""
        return any(generator.user is user for generator in self.generators.values())

    def reset(self) -> None:
        """Forget the schedules of the test before; a test starts."""
        self.completed = self._ending = self._awaited = False
        self._longest = self._last_due = 0.0
        self.generators, self._begun, self._waiting, self._stopped, self.lost = {}, set(), {}, set(), set()

    def begin(self, user_class: type[OpenLoop]) -> None:
        """Play the schedule of a class of which locust has started a user here, unless it has begun."""
        name = user_class.__name__
        if name in self._begun:
            return
        self._begun.add(name)
        if isinstance(self._runner, WorkerRunner):
            self._runner.send_message(BEGIN, {"scenario": name})
        else:
            self._play(user_class, time.time(), 0, 1, self._seed())

    def left(self, user: User) -> None:
        """End the schedule of a class when locust has stopped its last user."""
        name = type(user).__name__
        running = self._runner.user_classes_count.get(name, 0)
        if running <= 1 and name in self.generators and not isinstance(self._runner, WorkerRunner):
            self.generators[name].stop(self._patience(user), self.hurried)
            self._begun.discard(name)

    def stop(self) -> None:
        """End the test: start no more arrivals; those under way are answered or cut off."""
        if self._timed_out():
            self._await_the_schedules_end()
        self._ending = True
        if isinstance(self._runner, MasterRunner):
            self._stop_workers()
            return
        stopping = [
            gevent.spawn(generator.stop, self._patience(generator.user), self.hurried)
            for generator in self.generators.values()
        ]
        gevent.joinall(stopping)

    def _timed_out(self) -> bool:
        """Whether locust's run time ends the test. Its timer starts before the schedules do."""
        headless = self.environment.web_ui is None and self.environment.shape_class is None
        return headless and not (self.completed or self.hurried or isinstance(self._runner, WorkerRunner))

    def _await_the_schedules_end(self) -> None:
        """Wait until the last arrival is due, if only schedules run and none is longer than the run time.

        Whether or not a worker ever says that its share is done. An interrupt ends the wait.
        """
        run_time = float(getattr(self.environment.parsed_options, "run_time", None) or 0)
        self._awaited = self._alone and self._longest <= run_time
        while self._awaited and time.monotonic() < self._last_due and not (self.hurried or self.completed):
            gevent.sleep(0.05)

    def _note(self, schedule: Schedule, at: float) -> None:
        """Note when the last arrival of a schedule is due that begins at Unix time ``at``."""
        self._longest = max(self._longest, schedule.seconds)
        self._last_due = max(self._last_due, time.monotonic() + at - time.time() + schedule.seconds)

    @property
    def _alone(self) -> bool:
        return all(issubclass(user_class, OpenLoop) for user_class in self.environment.user_classes)

    @property
    def _playing(self) -> bool:
        finished = all(generator.finished.is_set() for generator in self.generators.values())
        return any(self._waiting.values()) or not finished

    # Messages between a master and its workers.

    def on_begin_asked(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On the master: a worker has a user of a scenario, so order all workers to play it from the same moment on."""
        name = msg.data["scenario"]
        if name in self._begun:
            return
        self._begun.add(name)
        # By index, and only workers that are there: the shares must make the whole.
        workers = sorted(self._workers(), key=self._runner.get_worker_index)
        self._waiting[name] = set(workers)
        at = time.time() + LEAD
        user_class: Any = self._runner.user_classes_by_name[name]
        self._note(user_class.schedule(self.environment), at)
        for index, worker in enumerate(workers):
            order = {"scenario": name, "at": at, "index": index, "of": len(workers), "seed": self._seed()}
            # Locust tells its workers the options, but not this one.
            order["run_time"] = getattr(self.environment.parsed_options, "run_time", None)
            self._runner.send_message(BEGIN, order, client_id=worker)
        gevent.spawn(self._watch_workers, name)

    def _watch_workers(self, name: str) -> None:
        """Give up on workers that have gone: locust notices it by their heartbeat, and tells nobody."""
        waiting = self._waiting[name]
        while waiting and not self._ending:
            gevent.sleep(WATCH_EVERY)
            gone = waiting - set(self._workers()) - self._stopped
            self.lost |= gone
            waiting -= gone
            if gone and not waiting:
                self._end_if_all_done()

    def on_begin_ordered(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On a worker: play this worker's share of a scenario's schedule."""
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
        """On a worker: end the test, and tell the master when nothing is under way any more."""

        def stop() -> None:
            self.stop()
            self._runner.send_message(STOPPED, {})

        gevent.spawn(stop)

    def on_stopped(self, environment: Environment, msg: Any, **_: Any) -> None:
        """On the master: a worker has nothing under way any more."""
        self._stopped.add(msg.node_id)

    def _workers(self) -> list[str]:
        clients = self._runner.clients
        return [client.id for client in (*clients.ready, *clients.spawning, *clients.running)]

    def _stop_workers(self) -> None:
        if not self._begun:
            return
        self._runner.send_message(STOP, {})
        patience = max((self._patience(user_class) for user_class in self.environment.user_classes), default=0.0)
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
            # The user of the class that locust started has said so already.
            logger.debug("%s", error)
            return
        name = user_class.__name__

        def drop(intended: float) -> None:
            for listener in dropped_listeners:
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
        """End the run if only schedules run in it, and they are done."""
        running = self._runner.state in (STATE_RUNNING, STATE_SPAWNING)
        if self._playing or not self._alone or not running or self._ending or self.environment.shape_class is not None:
            return
        self.completed = True
        if self._awaited:  # stop() waits for it, and ends the run
            return
        # In a greenlet of its own, because the end of a test ends the generators' greenlets.
        gevent.spawn(self._runner.quit if self.environment.web_ui is None else self._runner.stop)

    def _seed(self) -> int:
        return int(getattr(self.environment.parsed_options, "seed", None) or 0)

    def _patience(self, user: Any) -> float:
        """Seconds to wait for requests under way: --stop-timeout, or as long as one may take; none on an interrupt."""
        longest = 0.0 if self.hurried else getattr(user, "read_timeout", CLIENT_SECONDS)
        return float(self.environment.stop_timeout or longest)


_players: WeakKeyDictionary[Environment, SchedulePlayer] = WeakKeyDictionary()


def player_of(environment: Environment) -> SchedulePlayer:
    """The player of an environment. Raises KeyError before locust is up."""
    return _players[environment]


def find_player(environment: Environment) -> SchedulePlayer | None:
    """The player of an environment; None before locust is up."""
    return _players.get(environment)


def _limit(environment: Environment) -> int:
    return request_count("--max-outstanding", str(getattr(environment.parsed_options, "max_outstanding", "1000")))


def _add_options(parser: LocustArgumentParser) -> None:
    parser.add_argument(
        "--max-outstanding", default="1000", env_var="HARNESS_MAX_OUTSTANDING",
        help="Requests under way at most, on all workers together; arrivals beyond it are dropped, and counted",
    )  # fmt: skip


def _attach(environment: Environment, **_: Any) -> None:
    leave_out_unnamed(environment)
    player = _players[environment] = SchedulePlayer(environment)
    runner: Any = environment.runner
    if isinstance(runner, MasterRunner):
        runner.register_message(BEGIN, player.on_begin_asked)
        runner.register_message(FINISHED, player.on_finished)
        runner.register_message(STOPPED, player.on_stopped)
    elif isinstance(runner, WorkerRunner):
        runner.register_message(BEGIN, player.on_begin_ordered)
        runner.register_message(STOP, player.on_stop_ordered)
    hooks: Any = environment.events
    hooks.test_start.add_listener(lambda **_: player.reset())

    def hurry(**_: Any) -> None:
        player.hurried = True

    hooks.quitting.add_listener(hurry)
    hooks.test_stopping.add_listener(lambda **_: player.stop())
    # Locust inspects its stack when a test stops. The first time reads the sources, which holds arrivals up for 25 ms.
    inspect.stack()


_events: Any = events
_events.init_command_line_parser.add_listener(_add_options)
_events.init.add_listener(_attach)
