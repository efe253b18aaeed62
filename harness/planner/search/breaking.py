"""What breaks a setting first when the traffic grows."""

from __future__ import annotations

from harness.planner.plan import Break
from harness.planner.search.bench import SCREENING, Bench, Trial
from harness.planner.search.estimates import shortfall
from harness.planner.search.limits import broken
from harness.simulator.settings import Settings

MULTIPLES = (1.1, 1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0)
_RUNS = 2


def what_breaks(bench: Bench, settings: Settings, variant: str) -> Break:
    """Under multiples of the screening windows, the busiest and steepest parts of the traffic among them, judged by
    the means of two runs."""
    grown = [Trial(settings, multiple=multiple) for multiple in MULTIPLES]
    bench.run("Looking for what breaks first", grown, _RUNS, traffic=SCREENING)
    for trial in grown:
        if shortfall(trial.runs, bench.objective) > 0:
            limit = broken(settings, variant, trial.runs, bench.objective)
            return Break(multiple=trial.multiple, tried=trial.multiple, limit=limit)
    return Break(multiple=None, tried=MULTIPLES[-1], limit="none up to the highest multiple that was tried")
