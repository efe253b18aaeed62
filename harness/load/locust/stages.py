"""A locustfile to add to others (``locust -f loadtests,stages.py``), which runs their scenarios one after the other.

Each scenario is then measured alone, and one run holds them all. Options: --stages CLASS,CLASS, --stage-seconds,
--stage-users.
"""

from __future__ import annotations

import sys
from typing import Any

from locust import LoadTestShape, User, events
from locust.env import Environment

from harness.core.errors import HarnessError
from harness.load.locust.options import add_option

add_option("--stages", "", "Scenarios to run one after the other, by class name, separated by commas")
add_option("--stage-seconds", "30", "Length of each stage in seconds")
add_option("--stage-users", "2", "Concurrent users of each stage")


class Stages(LoadTestShape):
    """Runs each scenario for --stage-seconds with --stage-users users; between two scenarios, every user ends.

    That is because locust keeps the running users if the next tick asks for as many of another class.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._stage = 0
        self._begun = 0.0
        self._ending = False

    def tick(self) -> tuple[int, float, list[type[User]] | None] | None:
        assert self.runner is not None
        options: Any = self.runner.environment.parsed_options
        scenarios = [name for name in options.stages.split(",") if name]
        users, now = int(options.stage_users), self.get_run_time()  # type: ignore[no-untyped-call]
        if now - self._begun >= float(options.stage_seconds) and not self._ending:
            self._stage += 1
            self._ending = True
        if self._stage >= len(scenarios):
            return None
        if self._ending:
            if self.runner.user_count:
                return 0, float(users), None
            self._begun, self._ending = now, False
        return users, float(users), [_user_class(self.runner.environment, scenarios[self._stage])]


def _user_class(environment: Environment, name: str) -> type[User]:
    classes = {user_class.__name__: user_class for user_class in environment.user_classes}
    if name not in classes:
        raise HarnessError(f"There is no scenario {name}; there are: {', '.join(sorted(classes))}.")
    return classes[name]


def _check_before_start(environment: Environment, **_: Any) -> None:
    """Exit with a sentence if a scenario is missing. Found amid the run, it would be a traceback and no run."""
    options: Any = environment.parsed_options
    try:
        for name in options.stages.split(",") if options is not None else ():
            if name:
                _user_class(environment, name)
    except HarnessError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


_events: Any = events
_events.init.add_listener(_check_before_start)
