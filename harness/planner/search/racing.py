"""Racing: the best trials get replication after replication, and those that surely do not win are dropped.

Trials are compared by paired differences on common random numbers, as in F-Race (Birattari and others, GECCO 2002).
Student's interval takes the place of its test, since only trials that meet the objective are ranked.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.planner.plan import SimulatedFigures
from harness.planner.search.estimates import costs, surely_more
from harness.planner.search.evaluator import Evaluator, Trial

FIRST_RUNS = 3
"""Replications of each trial before any is dropped: fewer give no useful interval."""


def race(evaluator: Evaluator, trials: Sequence[Trial], replications: int) -> None:
    """Adds replications to the trials: all get the first few, and those that may still win get ``replications``."""
    running = list(trials)
    for runs in range(min(FIRST_RUNS, replications), replications + 1):
        evaluator.run("Racing the best", running, runs)
        leader = cheapest(evaluator, running)
        running = [trial for trial in running if _may_win(evaluator, trial, leader)]


def cheapest(evaluator: Evaluator, trials: Sequence[Trial]) -> Trial | None:
    """The cheapest trial that meets the objective; None where none does."""
    meeting = [
        (figures.cost.hour, index) for index, figures in enumerate(map(evaluator.figures, trials)) if figures.meets
    ]
    return trials[min(meeting)[1]] if meeting else None


def _may_win(evaluator: Evaluator, trial: Trial, leader: Trial | None) -> bool:
    if _surely_misses(evaluator.figures(trial), evaluator):
        return False
    if leader is None or leader is trial:
        return True
    return not surely_more(_hourly_costs(evaluator, trial), _hourly_costs(evaluator, leader))


def _hourly_costs(evaluator: Evaluator, trial: Trial) -> list[float]:
    return [cost.hour for cost in costs(trial.settings, trial.runs, evaluator.system, evaluator.prices)]


def _surely_misses(figures: SimulatedFigures, evaluator: Evaluator) -> bool:
    p99, errors = figures.p99, figures.errors
    if p99.value is None:  # no request was answered
        return True
    return (p99.low or 0.0) > evaluator.objective.p99 or (errors.low or 0.0) > evaluator.objective.errors
