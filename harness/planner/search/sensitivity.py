"""How much depends on each setting: the chosen candidate with one value changed, under the same traffic and draws."""

from __future__ import annotations

from collections import Counter

from harness.planner.plan import Sensitivity
from harness.planner.search.candidates import Candidate, settings_of
from harness.planner.search.evaluator import Evaluator, Trial
from harness.planner.search.racing import FIRST_RUNS
from harness.planner.search.space import SearchSpace, neighbours

_VALUES = 3  # the most values of one setting that are run


def sensitivity(evaluator: Evaluator, space: SearchSpace, candidate: Candidate, replications: int) -> list[Sensitivity]:
    """One entry for each changed value: at most three of each setting, those nearest to the chosen value first."""
    chosen = settings_of(space.problem, candidate)
    changed: list[tuple[str, str, Trial]] = []
    values: Counter[str] = Counter()
    for setting, value, neighbour in neighbours(space, candidate):
        settings = settings_of(space.problem, neighbour)
        if settings != chosen and values[setting] < _VALUES:
            values[setting] += 1
            changed.append((setting, value, Trial(settings, neighbour)))
    runs = min(FIRST_RUNS, replications)
    evaluator.run("Changing one setting at a time", [trial for _, _, trial in changed], runs)
    return [
        Sensitivity(setting=setting, value=value, figures=evaluator.figures(trial)) for setting, value, trial in changed
    ]
