"""A comparison as one self-contained page."""

from __future__ import annotations

from collections.abc import Callable

from harness.core.statistics import Estimate
from harness.report import templating
from harness.report.compare.shifts import Comparison
from harness.report.run import plots


def render(comparison: Comparison, verdict: Callable[[Estimate], str]) -> str:
    """The page as HTML. verdict: a shift in a word."""
    return templating.render(
        "compare.html.j2",
        "harness.report.compare",
        comparison=comparison,
        verdict=verdict,
        drawings=[
            (pair.after.name, plots.two_distributions(pair.before.seconds, pair.after.seconds))
            for pair in comparison.pairs
        ],
    )
