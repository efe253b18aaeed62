"""Runs settings under the traffic, each with the same seeds, and turns what comes of them into figures."""

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
"""The names of the traffic's windows (search.windows): few of it, those of the figures, and all of it."""

Progress = Callable[[str, int], AbstractContextManager[Done]]
"""A step's title and the number of its jobs; gives what is called as each ends."""


@dataclass
class Trial:
    """A setting and its runs so far. choice: None of a setting that is no choice, as a stack file's may be; multiple:
    of the traffic."""

    settings: Settings
    candidate: Candidate | None = None
    multiple: float = 1.0
    runs: list[Replication] = field(default_factory=list)


@dataclass(frozen=True)
class Evaluator:
    """engine: of a context with the three windows; seed: of all runs."""

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
        """Adds runs to each trial until it has so many; the n-th run of all has the same seed."""
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
            for (trial, _), answer in zip(missing, self.engine.map(jobs, done), strict=True):
                trial.runs.append(answer)

    def figures(self, trial: Trial) -> SimulatedFigures:
        return figures(trial.settings, trial.runs, self.system, self.prices, self.objective)

    def evaluated(self, label: str, trial: Trial, says: str | None = None) -> EvaluatedSettings:
        return EvaluatedSettings(label=label, settings=trial.settings, figures=self.figures(trial), says=says)
