"""A comparison as one self-contained page."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, select_autoescape

from harness.capacity.compare.shifts import Comparison
from harness.capacity.report import plots, text
from harness.capacity.statistics import Estimate


def render(comparison: Comparison, verdict: Callable[[Estimate], str]) -> str:
    """The page as HTML. verdict: a shift in a word."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("harness.capacity.compare"), PackageLoader("harness.capacity.report")]),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("compare.html.j2").render(
        comparison=comparison,
        text=text,
        verdict=verdict,
        drawings=[
            (pair.after.name, plots.two_distributions(pair.before.seconds, pair.after.seconds))
            for pair in comparison.pairs
        ],
    )
