"""The tables of a plan, the same for the page and for Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.core import figures as text
from harness.planner.plan import ConfirmedFigure, EvaluatedSettings, Interval, Plan, Sensitivity, SimulatedFigures
from harness.planner.settings_rows import in_short, setting_rows
from harness.report.plan.words import interval

MEETS, MISSES = "meets", "misses"


@dataclass(frozen=True)
class Cell:
    """One cell. small: a second line in small print; missed: whether it shows that the objective is missed."""

    shown: str
    small: str = ""
    missed: bool = False


@dataclass(frozen=True)
class Row:
    """One row. part: the heading of the part that begins with this row, else empty."""

    head: Cell
    cells: tuple[Cell, ...]
    part: str = ""
    emphasised: bool = False


@dataclass(frozen=True)
class Table:
    """A table. columns: the titles, the first one that of the row heads; numbers: whether cells are figures."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: bool = True


_NONE = Cell(text.NO_FIGURE)
NOT_MEASURED = "not measured"
SAME = Cell("the same")
"""Stands in the runner-up's column where its value is that of the recommended setting."""


def headline_figures(plan: Plan) -> list[tuple[str, Cell]]:
    """The four main figures of the recommended setting, as (label, cell)."""
    if plan.recommended is None:
        return []
    figures = plan.recommended.figures
    return [
        ("Cost a month", Cell(text.dollars(figures.cost.month), f"{text.dollars(figures.cost.day)} a day")),
        ("p99", Cell(text.seconds(figures.p99.value), f"objective {text.length_of_time(plan.objective.p99)}")),
        ("Errors", Cell(text.percent(figures.errors.value), f"objective {text.percent(plan.objective.errors)}")),
        ("Instances", Cell(text.number(figures.mean_instances), f"on average, at most {figures.peak_instances}")),
    ]


def settings_table(plan: Plan) -> Table | None:
    """The recommended setting beside the runner-up."""
    columns = [candidate for candidate in (plan.recommended, plan.runner_up) if candidate is not None]
    if plan.recommended is None:
        return None
    rows: list[Row] = []
    part = ""
    for row in setting_rows([candidate.settings for candidate in columns]):
        recommended, *others = (Cell(value.shown, value.means) if value else _NONE for value in row.values)
        rows.append(
            Row(
                Cell(row.name, row.key),
                (recommended, *(SAME if other == recommended else other for other in others)),
                row.part if row.part != part else "",
            )
        )
        part = row.part
    return Table(("Setting", "Recommended", "Runner-up")[: 1 + len(columns)], tuple(rows), numbers=False)


def candidates_table(plan: Plan) -> Table:
    """What each setting gives on this traffic: the recommended one, the runner-up and those compared with them."""
    columns = ("Setting", "Cost a month", "p99", "Errors", "Throttles", "At maximum", "Instances")
    return Table(columns, tuple(_candidate_row(plan, candidate) for candidate in shown_candidates(plan)))


def shown_candidates(plan: Plan) -> list[EvaluatedSettings]:
    """The recommended setting, the runner-up and those compared with them, as far as the plan has them."""
    return [candidate for candidate in (plan.recommended, plan.runner_up, *plan.compared) if candidate is not None]


def cost_table(plan: Plan) -> Table | None:
    """The cost of the recommended setting, by what is paid for."""
    if plan.recommended is None:
        return None
    cost = plan.recommended.figures.cost
    parts = [
        ("Instances", "from InService until deleted", cost.instances),
        ("Lambda time", "GB-seconds on demand", cost.function),
        ("Provisioned concurrency", "GB-seconds held and used", cost.provisioned),
        ("Lambda requests", "each invocation", cost.requests),
    ]
    rows = [Row(Cell(name, means), _dollars(value, cost.hour)) for name, means, value in parts]
    return Table(
        ("For", "An hour", "A day", "A month", "Share"),
        (*rows, Row(Cell("Total"), _dollars(cost.hour, cost.hour), emphasised=True)),
    )


def sensitivity_table(plan: Plan) -> Table | None:
    """The recommended setting with one value changed at a time."""
    if plan.recommended is None or not plan.sensitivity:
        return None
    base = plan.recommended.figures
    rows = [Row(Cell("As recommended"), _sensitivity_cells(base, base), emphasised=True)]
    part = ""
    for change in by_setting(plan.sensitivity):
        name = setting_name(change.setting)
        head = Cell(change.value)
        rows.append(Row(head, _sensitivity_cells(change.figures, base), name if name != part else ""))
        part = name
    return Table(("With", "Cost a month", "Change", "p99", "Errors", "Objective"), tuple(rows))


def by_setting(changes: Sequence[Sensitivity]) -> list[Sensitivity]:
    """The changes, with those of one setting next to each other, and otherwise in their order."""
    order = list(dict.fromkeys(change.setting for change in changes))
    return sorted(changes, key=lambda change: order.index(change.setting))


def setting_name(key: str) -> str:
    """``target_value`` as ``target value``."""
    return key.replace("_", " ")


def confirmation_table(plan: Plan) -> Table | None:
    """The predicted figures of the live run beside the measured ones."""
    if plan.confirmation is None:
        return None
    rows: list[Row] = []
    part = ""
    for figure in plan.confirmation.figures:
        show = formatter(figure.unit)
        low, high = show(figure.low), show(figure.high)
        likely = "" if low == high else f"{low} to {high}"
        rows.append(
            Row(
                Cell(figure.figure),
                (Cell(show(figure.predicted), likely), Cell(measured_text(figure)), Cell(_off_by(figure))),
                figure.label if figure.label != part else "",
            )
        )
        part = figure.label
    return Table(("Figure", "Predicted", "Measured", "Measured against predicted"), tuple(rows))


def traffic_rows(plan: Plan) -> list[tuple[str, str]]:
    """The traffic that was planned for, as rows of a label and a value."""
    traffic = plan.traffic
    rows = [("source", traffic.source)]
    if traffic.begins is not None:
        rows.append(("begins", f"{traffic.begins:%Y-%m-%d %H:%M} {zone(traffic.begins)}".strip()))
    return [
        *rows,
        ("lasts", text.length_of_time(traffic.seconds)),
        ("requests", text.count(round(traffic.requests))),
        ("mean rate", text.rate(traffic.mean_rate)),
        ("highest rate", text.rate(traffic.peak_rate)),
    ]


def evidence_rows(plan: Plan) -> list[tuple[str, str]]:
    """What the figures were measured and computed with, as rows of a label and a value."""
    evidence = plan.evidence
    saturation = evidence.saturation_rate
    model = evidence.model_sha256
    rows = [
        ("profile", evidence.profile),
        ("measured on", evidence.machine),
        ("measured at", f"{evidence.measured_at:%Y-%m-%d %H:%M} UTC"),
        ("method", evidence.method),
        ("model", f"SHA-256 {model[:16]}…" if model else "not stated in the profile"),
        ("saturation", f"{text.rate(saturation)} per instance" if saturation else "not measured"),
    ]
    rows += [
        (f"speed of {name}", f"{ratio:g} times what was measured (stated)") for name, ratio in evidence.ratios.items()
    ]
    rows.append(("settings tried", text.count(plan.explored)))
    if plan.recommended is not None:
        rows.append(("replications", text.count(plan.recommended.figures.replications)))
    return [
        *rows,
        ("seed", str(evidence.seed)),
        ("prices", f"as of {evidence.prices_as_of}, {plan.region}"),
        ("stack file", plan.stack_file),
        *evidence.versions.items(),
    ]


def zone(begins: datetime) -> str:
    """``UTC−04:00``; empty where the moment has no zone."""
    offset = begins.strftime("%z")
    return f"UTC{offset[:3]}:{offset[3:5]}".replace("-", "−") if offset else ""


def _candidate_row(plan: Plan, candidate: EvaluatedSettings) -> Row:
    figures = candidate.figures
    hours = figures.hours_at_maximum * 3600
    return Row(
        Cell(candidate.label, in_short(candidate.settings)),
        (
            Cell(text.dollars(figures.cost.month), f"{text.dollars(figures.cost.hour)} an hour"),
            _latency(figures.p99, plan.objective.p99),
            _errors(figures.errors, plan.objective.errors),
            Cell(text.number(figures.throttles.value)),
            Cell(text.length_of_time(hours) if hours else "never", f"of {text.length_of_time(plan.traffic.seconds)}"),
            Cell(text.number(figures.mean_instances), f"at most {figures.peak_instances}"),
        ),
        emphasised=candidate is plan.recommended,
    )


def _latency(p99: Interval, limit: float) -> Cell:
    if p99.value is None:
        return Cell(text.NO_FIGURE, "no request was answered")
    return _against(limit, p99, text.seconds)


def _errors(errors: Interval, limit: float) -> Cell:
    return _against(limit, errors, text.percent)


def _against(limit: float, figure: Interval, show: Callable[[float | None], str]) -> Cell:
    worst = figure.high if figure.high is not None else figure.value
    missed = worst is not None and worst > limit
    small = [words for words in (interval(figure, show), MISSES if missed else "") if words]
    return Cell(show(figure.value), ", ".join(small), missed)


def _dollars(hour: float, whole: float) -> tuple[Cell, ...]:
    amounts = (Cell(text.dollars(hour * hours)) for hours in (1, 24, 730))
    return (*amounts, Cell(text.percent(hour / whole) if whole else text.NO_FIGURE))


def _sensitivity_cells(figures: SimulatedFigures, base: SimulatedFigures) -> tuple[Cell, ...]:
    cost, before = figures.cost.month, base.cost.month
    change = cost / before - 1 if before else 0.0
    return (
        Cell(text.dollars(cost)),
        Cell(text.signed_percent(change) if figures is not base else ""),
        Cell(text.seconds(figures.p99.value), interval(figures.p99, text.seconds)),
        Cell(text.percent(figures.errors.value)),
        Cell(MEETS if figures.meets else MISSES, missed=not figures.meets),
    )


def formatter(unit: str) -> Callable[[float | None], str]:
    """How a figure of a live run with this unit is written."""
    if unit == "s":
        return text.seconds
    if unit in {"share", "%"}:
        return text.percent
    if unit == "$":
        return text.dollars
    return lambda value: text.number(value) + (f"{text.NARROW}{unit}" if unit and value is not None else "")


def measured_text(figure: ConfirmedFigure) -> str:
    """The measured figure with its unit."""
    return NOT_MEASURED if figure.measured is None else formatter(figure.unit)(figure.measured)


def _off_by(figure: ConfirmedFigure) -> str:
    if figure.predicted is None or figure.measured is None:
        return text.NO_FIGURE
    if figure.unit in {"share", "%"}:
        points = (figure.measured - figure.predicted) * 100
        return text.signed_number(points) + " points" if points else text.percent(0)
    if not figure.predicted:
        return text.percent(0) if not figure.measured else text.NO_FIGURE
    return text.signed_percent(figure.measured / figure.predicted - 1)
