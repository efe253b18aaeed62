"""Puts a plan's words, tables and plots into one page that needs nothing else, and into Markdown."""

from __future__ import annotations

import re
from typing import Any

from harness.core import figures as text
from harness.planner.plan import EvaluatedSettings, MinuteSeries, Plan
from harness.report import templating
from harness.report.plan import choice_plots, tables, time_plots, words

_PACKAGE = "harness.report.plan"


def render(plan: Plan) -> str:
    """The page as HTML."""
    chosen = _with_minutes(plan, plan.recommended)
    followed = [pair for each in tables.shown_candidates(plan) if (pair := _with_minutes(plan, each)) is not None]
    return templating.render(
        "plan.html.j2",
        _PACKAGE,
        **_content(plan),
        day_plot=time_plots.over_the_day(plan, *chosen) if chosen else None,
        lambda_plot=time_plots.lambda_concurrency(plan, *chosen) if chosen and chosen[0].settings.function else None,
        fleets_plot=time_plots.fleets(plan, followed) if len(followed) > 1 else None,
        front_plot=choice_plots.front(plan),
        spectrum_plot=choice_plots.spectrum(plan),
        sensitivity_plot=choice_plots.sensitivity(plan),
    )


def markdown(plan: Plan) -> str:
    """The same without plots."""
    made = templating.render("plan.md.j2", _PACKAGE, **_content(plan), cellular=_cellular)
    return re.sub(r"\n{3,}", "\n\n", made).strip() + "\n"


def _cellular(words: str) -> str:
    """As the content of a cell of Markdown's."""
    return " ".join(words.replace("|", "\\|").split("\n"))


def _content(plan: Plan) -> dict[str, Any]:
    unanswered = [each.label for each in tables.shown_candidates(plan) if each.figures.p99.value is None]
    return {
        "plan": plan,
        "words": words,
        "warnings": words.warnings(plan),
        "recommendation": words.recommendation(plan),
        "headline_figures": tables.headline_figures(plan),
        "settings": tables.settings_table(plan),
        "candidates": tables.candidates_table(plan),
        "remarks": [
            (each.label, each.says.split("\n\n")) for each in tables.shown_candidates(plan) if each.says is not None
        ],
        "cost": tables.cost_table(plan),
        "sensitivity": tables.sensitivity_table(plan),
        "confirmation": tables.confirmation_table(plan),
        "evidence": _evidence(plan),
        "traffic": _traffic(plan),
        "unanswered": unanswered,
        "same": tables.SAME,
    }


def _traffic(plan: Plan) -> list[tuple[str, str]]:
    traffic = plan.traffic
    rows = [("source", traffic.source)]
    if traffic.begins is not None:
        rows.append(("begins", f"{traffic.begins:%Y-%m-%d %H:%M} {time_plots.zone(traffic.begins)}".strip()))
    return [
        *rows,
        ("lasts", text.length_of_time(traffic.seconds)),
        ("requests", text.count(round(traffic.requests))),
        ("mean rate", text.rate(traffic.mean_rate)),
        ("highest rate", text.rate(traffic.peak_rate)),
    ]


def _evidence(plan: Plan) -> list[tuple[str, str]]:
    evidence = plan.evidence
    rows = [
        ("profile", evidence.profile),
        ("measured on", evidence.machine),
        ("measured at", f"{evidence.measured_at:%Y-%m-%d %H:%M} UTC"),
        ("method", evidence.method),
        ("model", f"SHA-256 {evidence.model_sha256[:16]}…" if evidence.model_sha256 else "not stated in the profile"),
        (
            "saturation",
            f"{text.rate(evidence.saturation_rate)} an instance" if evidence.saturation_rate else "not measured",
        ),
    ]
    rows += [
        (f"speed of {name}", f"{ratio:g} times what was measured (stated)") for name, ratio in evidence.ratios.items()
    ]
    figures = plan.recommended.figures if plan.recommended else None
    rows.append(("settings tried", text.count(plan.explored)))
    if figures is not None:
        rows.append(("replications", text.count(figures.replications)))
    return [
        *rows,
        ("seed", str(evidence.seed)),
        ("prices", f"as of {evidence.prices_as_of}, {plan.region}"),
        ("stack file", plan.stack_file),
        *evidence.versions.items(),
    ]


def _with_minutes(plan: Plan, candidate: EvaluatedSettings | None) -> tuple[EvaluatedSettings, MinuteSeries] | None:
    """A candidate with its time series, where the plan holds one."""
    if candidate is None:
        return None
    return next(((candidate, each) for each in plan.minutes if each.label == candidate.label and each.arrivals), None)
