"""How much hangs on each setting: the chosen one with one value changed, under the same traffic and draws."""

from __future__ import annotations

from harness.planner.plan import Sensitivity
from harness.planner.search.candidates import Candidate, settings_of
from harness.planner.search.evaluator import Evaluator, Trial
from harness.planner.search.racing import FIRST_RUNS
from harness.planner.search.space import SearchSpace, neighbours

_VALUES = 3  # of a setting at most


def sensitivity(evaluator: Evaluator, space: SearchSpace, candidate: Candidate, replications: int) -> list[Sensitivity]:
    """In the order of the settings; of each at most three values, those nearest to the chosen one first."""
    own = settings_of(space.problem, candidate)
    changed: list[tuple[str, str, Trial]] = []
    for name, value, other in neighbours(space, candidate):
        settings = settings_of(space.problem, other)
        if settings != own and sum(each[0] == name for each in changed) < _VALUES:
            changed.append((name, value, Trial(settings, other)))
    runs = min(FIRST_RUNS, replications)
    evaluator.run("Changing one setting at a time", [trial for _, _, trial in changed], runs)
    return [Sensitivity(setting=name, value=value, figures=evaluator.figures(trial)) for name, value, trial in changed]
