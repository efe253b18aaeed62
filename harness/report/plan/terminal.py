"""A plan on the terminal: a paragraph, a table of what was compared, what was run live, and what to know of it all."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table

from harness.core import figures as text
from harness.planner.plan import Confirmation, ConfirmedFigure, EvaluatedSettings, Plan, SimulatedFigures
from harness.planner.settings_rows import in_short
from harness.report.plan.words import recommendation, warnings

_SETTING_WIDTH = 44


def closing(plan: Plan) -> Iterator[str | Table]:
    """What stands at the end of `harness plan`, from top to bottom."""
    yield " ".join(recommendation(plan))
    yield candidates(plan)
    if plan.confirmation is not None:
        yield live(plan.confirmation)
        yield from plan.confirmation.notes
    for warning in warnings(plan):
        yield f"Note: {warning}"


def candidates(plan: Plan) -> Table:
    """What is recommended, what comes next and what it is compared with, side by side."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    found.add_column("")
    found.add_column("setting", max_width=_SETTING_WIDTH)
    for name in ("p99", "errors", "throttles", "instances", "at max", "a month"):
        found.add_column(name, justify="right", no_wrap=True)
    found.add_column("objective")
    for candidate in (plan.recommended, plan.runner_up, *plan.compared):
        if candidate is not None:
            found.add_row(*_row(candidate))
    return found


def _row(candidate: EvaluatedSettings) -> list[str]:
    figures = candidate.figures
    return [
        candidate.label,
        in_short(candidate.settings),
        _p99(figures),
        text.percent(figures.errors.value),
        text.count(round(figures.throttles.value or 0)),
        f"{text.number(figures.mean_instances)} (max {figures.peak_instances})",
        text.length_of_time(figures.hours_at_maximum * 3600) if figures.hours_at_maximum > 0 else text.NO_FIGURE,
        text.dollars(figures.cost.month),
        "meets" if figures.meets else "misses",
    ]


def _p99(figures: SimulatedFigures) -> str:
    if figures.p99.value is None:
        return "no answer"
    half = figures.p99.high - figures.p99.value if figures.p99.high is not None else None
    return text.seconds(figures.p99.value) + (f" ± {text.seconds(half)}" if half is not None else "")


def live(confirmation: Confirmation) -> Table:
    """Predicted beside measured."""
    found = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"Run live on twins, {confirmation.speed:g} times as fast: {confirmation.requests:,} requests"
        + ("" if confirmation.valid else " (INVALID: the load generator was the bottleneck)"),
        title_justify="left",
        title_style="",
    )
    found.add_column("")
    found.add_column("")
    found.add_column("predicted", justify="right", no_wrap=True)
    found.add_column("in 9 of 10 runs", justify="right", no_wrap=True)
    found.add_column("measured", justify="right", no_wrap=True)
    before = ""
    for figure in confirmation.figures:
        label = figure.label if figure.label != before else ""
        low, high = _said(figure, figure.low), _said(figure, figure.high)
        likely = "" if low == high else f"{low} to {high}"
        found.add_row(label, figure.figure, _said(figure, figure.predicted), likely, _said(figure, figure.measured))
        before = figure.label
    return found


def _said(figure: ConfirmedFigure, value: float | None) -> str:
    if value is None:
        return text.NO_FIGURE
    if figure.unit == "s":
        return text.seconds(value)
    return text.percent(value) if figure.unit == "share" else text.number(value)
