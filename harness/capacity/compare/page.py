"""A comparison as one self-contained page."""

from __future__ import annotations

from collections.abc import Callable

from harness.capacity.compare.shifts import Comparison
from harness.capacity.report import plots, templating
from harness.capacity.statistics import Estimate


def render(comparison: Comparison, verdict: Callable[[Estimate], str]) -> str:
    """The page as HTML. verdict: a shift in a word."""
    return templating.render(
        "compare.html.j2",
        "harness.capacity.compare",
        comparison=comparison,
        verdict=verdict,
        drawings=[
            (pair.after.name, plots.two_distributions(pair.before.seconds, pair.after.seconds))
            for pair in comparison.pairs
        ],
    )
