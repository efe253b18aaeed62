"""How much hangs on each setting: the chosen one with one value changed, under the same traffic and draws."""

from __future__ import annotations

from harness.planner.plan import Sensitivity
from harness.planner.search.bench import Bench, Trial
from harness.planner.search.choices import Choice, settings_of
from harness.planner.search.racing import FIRST_RUNS
from harness.planner.search.space import Space, neighbours

_VALUES = 3  # of a setting at most


def sensitivity(bench: Bench, space: Space, choice: Choice, replications: int) -> list[Sensitivity]:
    """In the order of the settings; of each at most three values, those nearest to the chosen one first."""
    own = settings_of(space.frame, choice)
    changed: list[tuple[str, str, Trial]] = []
    for name, value, other in neighbours(space, choice):
        settings = settings_of(space.frame, other)
        if settings != own and sum(each[0] == name for each in changed) < _VALUES:
            changed.append((name, value, Trial(settings, other)))
    runs = min(FIRST_RUNS, replications)
    bench.run("Changing one setting at a time", [trial for _, _, trial in changed], runs)
    return [Sensitivity(setting=name, value=value, figures=bench.figures(trial)) for name, value, trial in changed]
