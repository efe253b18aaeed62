"""A plan's tables, the same for the page and for Markdown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.core import figures as text
from harness.planner.plan import ConfirmedFigure, EvaluatedSettings, Interval, Plan, Sensitivity, SimulatedFigures
from harness.planner.settings_rows import in_short, setting_rows
from harness.report.plan.words import interval

MEETS, MISSES = "meets", "misses"


@dataclass(frozen=True)
class Cell:
    """small: a second line, in small print. missed: the objective is, which the words say too."""

    shown: str
    small: str = ""
    missed: bool = False


@dataclass(frozen=True)
class Row:
    """part: of which part of the table it begins, else empty; emphasised: the one to look at."""

    head: Cell
    cells: tuple[Cell, ...]
    part: str = ""
    emphasised: bool = False


@dataclass(frozen=True)
class Table:
    """columns: the titles, that of the heads first; numbers: the cells are figures, which stand to the right."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    numbers: bool = True


_NONE = Cell(text.NO_FIGURE)
SAME = Cell("the same")


def headline_figures(plan: Plan) -> list[tuple[str, Cell]]:
    """The recommended setting's four figures that matter."""
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
    """The recommended setting beside the runner-up, whose cell says nothing where it is the same."""
    chosen = [each for each in (plan.recommended, plan.runner_up) if each is not None]
    if plan.recommended is None:
        return None
    rows: list[Row] = []
    part = ""
    for row in setting_rows([each.settings for each in chosen]):
        first, *others = (Cell(value.shown, value.means) if value else _NONE for value in row.values)
        rows.append(
            Row(
                Cell(row.name, row.key),
                (first, *(SAME if other == first else other for other in others)),
                row.part if row.part != part else "",
            )
        )
        part = row.part
    return Table(("Setting", "Recommended", "Runner-up")[: 1 + len(chosen)], tuple(rows), numbers=False)


def candidates_table(plan: Plan) -> Table:
    """The recommended setting, the runner-up and those to compare with, as they do on this traffic."""
    columns = ("Setting", "Cost a month", "p99", "Errors", "Throttles", "At maximum", "Instances")
    return Table(columns, tuple(_candidate_row(plan, each) for each in shown_candidates(plan)))


def shown_candidates(plan: Plan) -> list[EvaluatedSettings]:
    return [each for each in (plan.recommended, plan.runner_up, *plan.compared) if each is not None]


def cost_table(plan: Plan) -> Table | None:
    """The recommended setting's cost by what it is for."""
    if plan.recommended is None:
        return None
    cost = plan.recommended.figures.cost
    parts = [
        ("Instances", "from InService until removed", cost.instances),
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
    for each in by_setting(plan.sensitivity):
        name = setting_name(each.setting)
        head = Cell(each.value)
        rows.append(Row(head, _sensitivity_cells(each.figures, base), name if name != part else ""))
        part = name
    return Table(("With", "Cost a month", "Change", "p99", "Errors", "Objective"), tuple(rows))


def by_setting(all_of_them: Iterable[Sensitivity]) -> list[Sensitivity]:
    """Those of one setting next to each other, else as they came."""
    listed = list(all_of_them)
    order = list(dict.fromkeys(each.setting for each in listed))
    return sorted(listed, key=lambda each: order.index(each.setting))


def setting_name(key: str) -> str:
    """``target_value`` as ``target value``."""
    return key.replace("_", " ")


def confirmation_table(plan: Plan) -> Table | None:
    """Predicted beside measured, of the live run."""
    if plan.confirmation is None:
        return None
    rows: list[Row] = []
    part = ""
    for each in plan.confirmation.figures:
        show = _shown_in(each.unit)
        low, high = show(each.low), show(each.high)
        likely = "" if low == high else f"{low} to {high}"
        rows.append(
            Row(
                Cell(each.figure),
                (Cell(show(each.predicted), likely), Cell(show(each.measured)), Cell(_off_by(each))),
                each.label if each.label != part else "",
            )
        )
        part = each.label
    return Table(("Figure", "Predicted", "Measured", "Measured against predicted"), tuple(rows))


def _candidate_row(plan: Plan, each: EvaluatedSettings) -> Row:
    figures = each.figures
    hours = figures.hours_at_maximum * 3600
    return Row(
        Cell(each.label, in_short(each.settings)),
        (
            Cell(text.dollars(figures.cost.month), f"{text.dollars(figures.cost.hour)} an hour"),
            _latency(figures.p99, plan.objective.p99),
            _errors(figures.errors, plan.objective.errors),
            Cell(text.number(figures.throttles.value)),
            Cell(text.length_of_time(hours) if hours else "never", f"of {text.length_of_time(plan.traffic.seconds)}"),
            Cell(text.number(figures.mean_instances), f"at most {figures.peak_instances}"),
        ),
        emphasised=each is plan.recommended,
    )


def _latency(found: Interval, limit: float) -> Cell:
    if found.value is None:
        return Cell(text.NO_FIGURE, "none was answered")
    return _against(limit, found, text.seconds)


def _errors(found: Interval, limit: float) -> Cell:
    return _against(limit, found, text.percent)


def _against(limit: float, found: Interval, show: Callable[[float | None], str]) -> Cell:
    worst = found.high if found.high is not None else found.value
    missed = worst is not None and worst > limit
    said = [each for each in (interval(found, show), MISSES if missed else "") if each]
    return Cell(show(found.value), ", ".join(said), missed)


def _dollars(hour: float, whole: float) -> tuple[Cell, ...]:
    figures = (Cell(text.dollars(hour * each)) for each in (1, 24, 730))
    return (*figures, Cell(text.percent(hour / whole) if whole else text.NO_FIGURE))


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


def _shown_in(unit: str) -> Callable[[float | None], str]:
    if unit == "s":
        return text.seconds
    if unit in {"share", "%"}:
        return text.percent
    if unit == "$":
        return text.dollars
    return lambda value: text.number(value) + (f"{text.NARROW}{unit}" if unit and value is not None else "")


def _off_by(each: ConfirmedFigure) -> str:
    if each.predicted is None or each.measured is None:
        return text.NO_FIGURE
    if each.unit in {"share", "%"}:
        points = (each.measured - each.predicted) * 100
        return text.signed_number(points) + " points" if points else text.percent(0)
    if not each.predicted:
        return text.percent(0) if not each.measured else text.NO_FIGURE
    return text.signed_percent(each.measured / each.predicted - 1)
