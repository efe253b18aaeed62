"""Puts a comparison into one self-contained page."""

from __future__ import annotations

from harness.report import templating
from harness.report.compare.figures import Comparison
from harness.report.compare.plots import distributions
from harness.report.compare.words import verdict


def render(comparison: Comparison) -> str:
    """The page as HTML."""
    return templating.render(
        "compare.html.j2",
        "harness.report.compare",
        comparison=comparison,
        verdict=verdict,
        plots=distributions(comparison),
    )
