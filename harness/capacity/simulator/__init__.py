"""The simulator: a day of a whole stack in seconds, decided by the code that decides in the live services."""

from __future__ import annotations

from harness.capacity.outcome import Outcome
from harness.capacity.settings import Settings
from harness.capacity.simulator.run import Run
from harness.capacity.system import System
from harness.load.schedule import Profile


def simulate(settings: Settings, system: System, traffic: Profile, *, seed: int) -> Outcome:
    """One replication of ``settings`` under ``traffic``: the same for the same seed.

    Two settings with one seed meet the same arrivals, and each of their requests the same draws.
    """
    return Run(settings, system, traffic, seed).outcome()
