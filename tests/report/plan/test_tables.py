"""A plan's tables: settings side by side, what each gives, the cost by its parts, predicted beside measured."""

from __future__ import annotations

import pytest

from harness.core.figures import NARROW, NO_FIGURE
from harness.planner.plan import ConfirmedFigure
from harness.report.plan.tables import (
    NOT_MEASURED,
    SAME,
    Cell,
    Table,
    candidates_table,
    confirmation_table,
    cost_table,
    headline_figures,
    sensitivity_table,
    settings_table,
)
from tests.figures import plain
from tests.report.plan.plans import a_plan, candidate


def row(table: Table | None, head: str) -> list[str]:
    assert table is not None
    shown = next(row for row in table.rows if row.head.shown == head)
    return [plain(f"{cell.shown} | {cell.small}").removesuffix(" | ") for cell in shown.cells]


def test_the_runner_ups_column_shows_only_what_differs() -> None:
    table = settings_table(a_plan())
    assert table is not None
    assert table.columns == ("Setting", "Recommended", "Runner-up")
    assert row(table, "Most instances") == ["3", "the same"]
    assert row(table, "Target value")[1] == "620 | invocations a minute per instance: 10.3/s"
    assert [row.part for row in table.rows if row.part] == ["Variant AllTraffic", "Function"]
    alone = settings_table(a_plan(runner_up=None))
    assert alone is not None
    assert alone.columns == ("Setting", "Recommended")
    assert all(SAME not in row.cells for row in alone.rows)


def test_candidates_show_cost_latency_errors_throttles_and_time_at_maximum() -> None:
    table = candidates_table(a_plan())
    assert [row.head.shown for row in table.rows[:2]] == ["recommended", "runner-up"]
    assert [row.emphasised for row in table.rows].index(True) == 0
    assert row(table, "write-up B") == [
        "$514.58 | $0.705 an hour", "290 ms | 281–299 ms", "41 % | 39.8–42.2 %, misses", "410,000",
        "23 h 36 min | of 24 h", "5.9 | at most 3",
    ]  # fmt: skip
    missed = next(row for row in table.rows if row.head.shown == "write-up B").cells
    assert [cell.missed for cell in missed] == [False, False, True, False, False, False]
    assert row(table, "one instance")[1] == f"{NO_FIGURE} | no request was answered"


def test_cost_is_broken_down_by_the_hour_the_day_and_the_month_and_adds_up() -> None:
    table = cost_table(a_plan())
    assert row(table, "Instances") == ["$0.218", "$5.24", "$159.50", "89.2 %"]
    assert row(table, "Provisioned concurrency") == ["$0", "$0", "$0", "0 %"]
    assert row(table, "Total") == ["$0.245", "$5.88", "$178.78", "100 %"]


def test_sensitivity_compares_each_value_with_the_recommended_setting() -> None:
    table = sensitivity_table(a_plan())
    assert table is not None
    assert row(table, "As recommended")[1] == ""
    assert row(table, "345") == ["$245.94", "+37.6 %", "330 ms | 320–340 ms", "0.02 %", "meets"]
    assert row(table, "860")[4] == "misses"
    assert [row.part for row in table.rows if row.part] == [
        "target value", "scale in cooldown", "routing strategy", "reserved concurrent executions",
    ]  # fmt: skip


def test_predicted_and_measured_stand_side_by_side_with_their_difference() -> None:
    table = confirmation_table(a_plan())
    assert row(table, "p99") == ["402 ms", "371 ms", "−7.71 %"]
    assert row(table, "errors") == ["0 %", "0.01 %", "+0.01 points"]
    assert row(table, "mean instances") == ["1.9 instances", "1.93 instances", "+1.58 %"]
    assert row(table, "cold starts") == ["14", NOT_MEASURED, NO_FIGURE]


@pytest.mark.parametrize(
    ("unit", "predicted", "measured", "said"),
    [
        ("$", 1.5, 1.5, ["$1.50", "$1.50", "0 %"]),
        ("", 0.0, 0.0, ["0", "0", "0 %"]),
        ("", 0.0, 3.0, ["0", "3", NO_FIGURE]),
        ("share", 0.25, 0.25, ["25 %", "25 %", "0 %"]),
        ("s", None, None, [NO_FIGURE, NOT_MEASURED, NO_FIGURE]),
        ("$", None, 2.0, [NO_FIGURE, "$2.00", NO_FIGURE]),
    ],
)
def test_units_are_those_of_the_figure(
    unit: str, predicted: float | None, measured: float | None, said: list[str]
) -> None:
    confirmation = a_plan().confirmation
    assert confirmation is not None
    figure = ConfirmedFigure(label="recommended", figure="x", unit=unit, predicted=predicted, measured=measured)
    plan = a_plan(confirmation=confirmation.model_copy(update={"figures": (figure,)}))
    assert row(confirmation_table(plan), "x") == said


def test_a_missing_part_of_a_plan_has_no_table() -> None:
    bare = a_plan(recommended=None, runner_up=None, confirmation=None, sensitivity=(), compared=())
    assert settings_table(bare) is cost_table(bare) is sensitivity_table(bare) is confirmation_table(bare) is None
    assert headline_figures(bare) == []
    assert candidates_table(bare).rows == ()
    assert sensitivity_table(a_plan(sensitivity=())) is None


def test_headline_figures_name_the_objective() -> None:
    assert dict(headline_figures(a_plan()))["p99"] == Cell(f"410{NARROW}ms", f"objective 500{NARROW}ms")
    never = a_plan(recommended=candidate("recommended", p99=None))
    assert dict(headline_figures(never))["p99"].shown == NO_FIGURE
