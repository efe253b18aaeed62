"""A plan on the terminal: a paragraph, a table of the settings compared, the live run, and the warnings."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.table import Table

from harness.core import figures as text
from harness.planner.plan import Confirmation, EvaluatedSettings, Plan, SimulatedFigures
from harness.planner.settings_rows import in_short
from harness.report.plan.tables import MEETS, MISSES, formatter, measured_text, shown_candidates
from harness.report.plan.words import recommendation, warnings

_SETTING_WIDTH = 44


def closing(plan: Plan) -> Iterator[str | Table]:
    """What `harness plan` prints at its end, from top to bottom."""
    yield " ".join(recommendation(plan))
    yield candidates_table(plan)
    if plan.confirmation is not None:
        yield confirmation_table(plan.confirmation)
        yield from plan.confirmation.notes
    for warning in warnings(plan):
        yield f"Note: {warning}"


def candidates_table(plan: Plan) -> Table:
    """The recommended setting, the runner-up and those compared with them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("")
    table.add_column("setting", max_width=_SETTING_WIDTH)
    for name in ("p99", "errors", "throttles", "instances", "at max", "a month"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("objective")
    for candidate in shown_candidates(plan):
        table.add_row(*_row(candidate))
    return table


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
        MEETS if figures.meets else MISSES,
    ]


def _p99(figures: SimulatedFigures) -> str:
    if figures.p99.value is None:
        return "no answer"
    half = figures.p99.high - figures.p99.value if figures.p99.high is not None else None
    return text.seconds(figures.p99.value) + (f" ± {text.seconds(half)}" if half is not None else "")


def confirmation_table(confirmation: Confirmation) -> Table:
    """The predicted figures of the live run beside the measured ones."""
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title=f"Run live on twins, {confirmation.speed:g} times as fast as on AWS: "
        + text.count(confirmation.requests, "request")
        + ("" if confirmation.valid else f" (INVALID: {confirmation.fault})"),
        title_justify="left",
        title_style="",
    )
    table.add_column("")
    table.add_column("")
    table.add_column("predicted", justify="right", no_wrap=True)
    table.add_column("in 9 of 10 runs", justify="right", no_wrap=True)
    table.add_column("measured", justify="right", no_wrap=True)
    before = ""
    for figure in confirmation.figures:
        label = figure.label if figure.label != before else ""
        show = formatter(figure.unit)
        low, high = show(figure.low), show(figure.high)
        likely = "" if low == high else f"{low} to {high}"
        table.add_row(label, figure.figure, show(figure.predicted), likely, measured_text(figure))
        before = figure.label
    return table
