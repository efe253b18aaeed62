"""Racing: run after run of the best, and out with those that are surely not the one.

By paired differences on common random numbers, as in F-Race (Birattari and others, GECCO 2002), with Student's interval
in the place of its test: there is an objective to be met, and an order only among those that meet it.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.planner.plan import SimulatedFigures
from harness.planner.search.estimates import costs, surely_more
from harness.planner.search.evaluator import Evaluator, Trial

FIRST_RUNS = 3
"""Of each, before any is left out: fewer give no interval worth the name."""


def race(evaluator: Evaluator, trials: Sequence[Trial], replications: int) -> None:
    """Adds runs to the trials: all get the first ones, those that may still win as many as asked for."""
    running = list(trials)
    for runs in range(min(FIRST_RUNS, replications), replications + 1):
        evaluator.run("Racing the best", running, runs)
        leader = cheapest(evaluator, running)
        running = [trial for trial in running if _may_win(evaluator, trial, leader)]


def cheapest(evaluator: Evaluator, trials: Sequence[Trial]) -> Trial | None:
    """The cheapest that meets the objective, None where none does."""
    meeting = [(figures.cost.hour, n) for n, figures in enumerate(map(evaluator.figures, trials)) if figures.meets]
    return trials[min(meeting)[1]] if meeting else None


def _may_win(evaluator: Evaluator, trial: Trial, leader: Trial | None) -> bool:
    if _surely_misses(evaluator.figures(trial), evaluator):
        return False
    if leader is None or leader is trial:
        return True
    hourly = [
        [one.hour for one in costs(each.settings, each.runs, evaluator.system, evaluator.prices)]
        for each in (trial, leader)
    ]
    return not surely_more(hourly[0], hourly[1])


def _surely_misses(figures: SimulatedFigures, evaluator: Evaluator) -> bool:
    p99, errors = figures.p99, figures.errors
    if p99.value is None:  # nobody was answered
        return True
    return (p99.low or 0.0) > evaluator.objective.p99 or (errors.low or 0.0) > evaluator.objective.errors
