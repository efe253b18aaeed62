"""The simulator: a day of a whole stack in seconds, decided by the code that decides in the live services."""

from __future__ import annotations

import itertools
import math

from harness.load.schedule import Schedule
from harness.simulator import build, kernel
from harness.simulator.outcome import Outcome
from harness.simulator.run import Run
from harness.simulator.settings import Settings
from harness.simulator.system import System


def simulate(
    settings: Settings, system: System, traffic: Schedule, *, seed: int, arrivals: int | None = None
) -> Outcome:
    """One replication of ``settings`` under ``traffic``: the same for the same seed.

    Two settings with one seed meet the same arrivals, and each of their requests the same draws. arrivals: the seed of
    the arrivals alone, where it is another.
    """
    return Run(settings, system, traffic, seed, arrivals).outcome()


def arrivals(settings: Settings, system: System, traffic: Schedule, *, seed: int) -> list[float]:
    """When the requests of that seed arrive, in seconds from the traffic's beginning: for whoever is to send them."""
    state = build.world(settings, system, traffic, seed).state
    return list(itertools.takewhile(math.isfinite, (kernel.arrive(state) for _ in itertools.count())))
