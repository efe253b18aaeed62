"""The simulator: a day of a whole stack in seconds, decided by the code that decides in the live services."""

from __future__ import annotations

import itertools
import math

from harness.load.schedule import Schedule
from harness.simulator.initial_state import initial_state
from harness.simulator.outcome import SimulationOutcome
from harness.simulator.settings import Settings
from harness.simulator.simulation import StackSimulation
from harness.simulator.system import System


def simulate(
    settings: Settings, system: System, traffic: Schedule, *, seed: int, arrivals: int | None = None
) -> SimulationOutcome:
    """Runs one replication of ``settings`` under ``traffic``. The same seed gives the same outcome.

    Two settings that are run with the same seed meet the same arrivals, and each request meets the same random draws.
    arrivals: a seed for the arrivals alone, if it differs from ``seed``.
    """
    return StackSimulation(settings, system, traffic, seed, arrivals).run()


def arrivals(settings: Settings, system: System, traffic: Schedule, *, seed: int) -> list[float]:
    """Returns when the requests of a seed arrive, in seconds from the beginning of the traffic, so that they can be
    sent to a live stack."""
    state = initial_state(settings, system, traffic, seed)
    return list(itertools.takewhile(math.isfinite, (state.arrive() for _ in itertools.count())))
