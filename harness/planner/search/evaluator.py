"""Runs settings under the traffic, all with the same seeds, and turns the replications into figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from harness.core.prices import Prices
from harness.planner.plan import EvaluatedSettings, Objective, SimulatedFigures
from harness.planner.search.candidates import Candidate
from harness.planner.search.engine import Done, Engine
from harness.planner.search.estimates import figures
from harness.planner.search.replication import Replication, SimulationJob
from harness.simulator.settings import Settings
from harness.simulator.system import System

SCREENING, FINAL, WHOLE = "screening", "final", "whole"
"""The names of the traffic's windows (search.windows): a few for screening, those of the figures, and all of it."""

Progress = Callable[[str, int], AbstractContextManager[Done]]
"""Begins a step with this title and number of jobs; gives the function to call as each job ends."""


@dataclass
class Trial:
    """Settings and their replications so far.

    candidate: None for settings that no candidate stands for, as those of a stack file may be. multiple: the traffic's
    rates are multiplied by it.
    """

    settings: Settings
    candidate: Candidate | None = None
    multiple: float = 1.0
    runs: list[Replication] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluator:
    """Adds replications to trials, and knows what they cost. engine: of a context with the three windows."""

    engine: Engine
    system: System
    prices: Prices
    objective: Objective
    seed: int
    progress: Progress

    def run(
        self,
        title: str,
        trials: Sequence[Trial],
        replications: int,
        *,
        traffic: str = FINAL,
        keep: bool = False,
    ) -> None:
        """Runs each trial until it has this many replications; the n-th of every trial has the same seed."""
        missing = [(trial, n) for trial in trials for n in range(len(trial.runs), replications)]
        jobs = [
            SimulationJob(
                trial.settings, self.system, traffic, self.seed * 1000 + n, multiple=trial.multiple, keep=keep
            )
            for trial, n in missing
        ]
        if not jobs:
            return
        with self.progress(title, len(jobs)) as done:
            for (trial, _), replication in zip(missing, self.engine.map(jobs, done), strict=True):
                trial.runs.append(replication)

    def figures(self, trial: Trial) -> SimulatedFigures:
        return figures(trial.settings, trial.runs, self.system, self.prices, self.objective)

    def evaluated(self, label: str, trial: Trial) -> EvaluatedSettings:
        return EvaluatedSettings(label=label, settings=trial.settings, figures=self.figures(trial))
