"""Small problems for the search, and ways to watch it. The stand-in simulates."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from harness.core.prices import Prices
from harness.load.traffic import read_traffic
from harness.planner.plan import Objective
from harness.planner.search.engine import Engine, ThisProcess
from harness.planner.search.find import Problem
from harness.planner.search.replication import Context
from harness.simulator.settings import FunctionSettings, Settings, TrackingSettings, VariantSettings
from tests.planner.search.stand_in import a_system

BASE = Settings(
    variants=(
        VariantSettings(instance_type="ml.m5.large", max_capacity=3, tracking=(TrackingSettings(target_value=25),)),
    ),
    function=FunctionSettings(),
)


def a_problem(traffic: str = "daily:2/s..40/s", **members: object) -> Problem:
    usual = {
        "base": BASE,
        "variant": "AllTraffic",
        "system": a_system(),
        "traffic": read_traffic(traffic),
        "objective": Objective(p99=0.5, errors=0.001),
        "prices": Prices(),
        "candidates": 60,
        "replications": 3,
        **members,
    }
    return Problem(**usual)  # type: ignore[arg-type]


@contextlib.contextmanager
def here(context: Context) -> Iterator[Engine]:
    yield ThisProcess(context)


class Watched:
    """A progress that remembers its steps and how many of each one's jobs ended."""

    def __init__(self) -> None:
        self.steps: list[tuple[str, int]] = []
        self.done: list[int] = []

    @contextlib.contextmanager
    def __call__(self, title: str, jobs: int) -> Iterator[Callable[[], None]]:
        self.steps.append((title, jobs))
        self.done.append(0)

        def done() -> None:
            self.done[-1] += 1

        yield done
