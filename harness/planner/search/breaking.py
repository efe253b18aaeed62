"""What breaks first in settings when the traffic grows."""

from __future__ import annotations

from harness.planner.plan import BreakingPoint
from harness.planner.search.estimates import shortfall
from harness.planner.search.evaluator import SCREENING, Evaluator, Trial
from harness.planner.search.limits import broken
from harness.simulator.settings import Settings

MULTIPLES = (1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
_RUNS = 2


def what_breaks(evaluator: Evaluator, settings: Settings, variant: str) -> BreakingPoint:
    """Finds the smallest multiple of the traffic at which the means of two runs miss the objective.

    It looks at the screening windows, which include the busiest and steepest parts of the traffic.
    """
    trials = [Trial(settings, multiple=multiple) for multiple in MULTIPLES]
    evaluator.run("Looking for what breaks first", trials, _RUNS, traffic=SCREENING)
    for trial in trials:
        if shortfall(trial.runs, evaluator.objective) > 0:
            limit = broken(settings, variant, trial.runs, evaluator.objective)
            return BreakingPoint(multiple=trial.multiple, tried=trial.multiple, limit=limit)
    return BreakingPoint(multiple=None, tried=MULTIPLES[-1], limit="none up to the highest multiple that was tried")
