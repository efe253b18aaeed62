"""Puts a plan's sentences, tables and plots into one self-contained page, and into Markdown."""

from __future__ import annotations

import re
from typing import Any

from harness.planner.plan import Plan
from harness.report import templating
from harness.report.drawing import draw_all
from harness.report.plan import tables, words
from harness.report.plan.plots import PLOTS

_PACKAGE = "harness.report.plan"


def render(plan: Plan) -> str:
    """The page as HTML."""
    return templating.render("plan.html.j2", _PACKAGE, **_content(plan), plots=draw_all(PLOTS, plan))


def markdown(plan: Plan) -> str:
    """The same as Markdown, without the plots."""
    content = templating.render("plan.md.j2", _PACKAGE, **_content(plan), escaped=_escaped)
    return re.sub(r"\n{3,}", "\n\n", content).strip() + "\n"


def _escaped(words: str) -> str:
    """The words as the content of one cell of a Markdown table."""
    return " ".join(words.replace("|", "\\|").split("\n"))


def _content(plan: Plan) -> dict[str, Any]:
    return {
        "plan": plan,
        "words": words,
        "warnings": words.warnings(plan),
        "recommendation": words.recommendation(plan),
        "headline_figures": tables.headline_figures(plan),
        "settings": tables.settings_table(plan),
        "candidates": tables.candidates_table(plan),
        "remarks": [
            (candidate.label, candidate.says.split("\n\n"))
            for candidate in tables.shown_candidates(plan)
            if candidate.says is not None
        ],
        "cost": tables.cost_table(plan),
        "sensitivity": tables.sensitivity_table(plan),
        "confirmation": tables.confirmation_table(plan),
        "evidence": tables.evidence_rows(plan),
        "traffic": tables.traffic_rows(plan),
        "same": tables.SAME,
    }
