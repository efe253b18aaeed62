"""Remarks on settings that a plan compares: a text beside their stack file, in which the plan's figures are filled in.

``stack.toml`` may have a ``remarks.md`` beside it. In its paragraphs ``{hours_at_maximum}`` stands for that figure of
the same settings, and ``{cost_month of LABEL}`` for a figure of others in the plan.
"""

from __future__ import annotations

import re
from pathlib import Path

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.planner.plan import EvaluatedSettings, Plan

_FIGURE = re.compile(r"\{(?P<name>[a-z0-9_]+)(?: of (?P<label>[^{}]+))?\}")


def read_remarks(stack_file: Path) -> str | None:
    """The remarks beside a stack file, with each paragraph in one line; None if there are none."""
    file = stack_file.with_name("remarks.md")
    if not file.is_file():
        return None
    paragraphs = file.read_text(encoding="utf-8").strip().split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs) or None


def with_figures(plan: Plan) -> Plan:
    """Fills the plan's figures into its remarks. Raises HarnessError for an unknown figure or label."""
    compared = tuple(
        evaluated.model_copy(update={"says": _filled(plan, evaluated, evaluated.says)})
        if evaluated.says is not None
        else evaluated
        for evaluated in plan.compared
    )
    return plan.model_copy(update={"compared": compared})


def _filled(plan: Plan, remarked: EvaluatedSettings, words: str) -> str:
    evaluated = (plan.recommended, plan.runner_up, *plan.compared)
    labelled = {settings.label: settings for settings in evaluated if settings is not None}

    def figure(match: re.Match[str]) -> str:
        name, label = match["name"], match["label"]
        named = remarked if label is None else labelled.get(label)
        if named is None:
            known = ", ".join(labelled)
            raise HarnessError(f"The remarks of {remarked.label} name {label!r}, which the plan has not: {known}.")
        figures = _figures(plan, named)
        if name not in figures:
            raise HarnessError(f"The remarks of {remarked.label} name {{{name}}}; there are: {', '.join(figures)}.")
        return figures[name]

    return _FIGURE.sub(figure, words)


def _figures(plan: Plan, evaluated: EvaluatedSettings) -> dict[str, str]:
    """Every figure that remarks can name, as a reader sees it."""
    settings, figures = evaluated.settings, evaluated.figures
    variant, function = settings.variants[0], settings.function
    seconds = plan.traffic.seconds
    shown = {
        "p50": text.seconds(figures.p50.value),
        "p95": text.seconds(figures.p95.value),
        "p99": text.seconds(figures.p99.value),
        "errors": text.percent(figures.errors.value),
        "throttles": text.count(round(figures.throttles.value or 0)),
        "cold_starts": text.count(round(figures.cold_starts)),
        "cost_hour": text.dollars(figures.cost.hour),
        "cost_day": text.dollars(figures.cost.day),
        "cost_month": text.dollars(figures.cost.month),
        "mean_instances": text.number(figures.mean_instances),
        "peak_instances": text.count(figures.peak_instances),
        "max_capacity": text.count(variant.max_capacity),
        "hours_at_maximum": text.length_of_time(figures.hours_at_maximum * 3600),
        "share_at_maximum": text.percent(figures.hours_at_maximum * 3600 / seconds),
        "length": text.length_of_time(seconds),
        "mean_rate": text.rate(plan.traffic.mean_rate),
        "peak_rate": text.rate(plan.traffic.peak_rate),
    }
    if function is not None:
        reserved = function.reserved_concurrent_executions
        shown["reserved"] = "none" if reserved is None else text.count(reserved)
        shown["provisioned"] = text.count(function.provisioned_concurrent_executions)
    if variant.tracking:
        policy = variant.tracking[0]
        spread = plan.traffic.mean_rate * 60 / variant.max_capacity
        shown |= {
            "target_value": f"{policy.target_value:,.6g}",
            "request_every": text.length_of_time(60 / policy.target_value),
            "scale_in_cooldown": text.length_of_time(policy.scale_in_cooldown),
            "scale_out_cooldown": text.length_of_time(policy.scale_out_cooldown),
            "mean_at_maximum": text.number(spread),
            "times_target": text.number(spread / policy.target_value),
        }
    return shown
