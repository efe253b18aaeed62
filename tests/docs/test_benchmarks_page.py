"""docs/benchmarks.md and the README's table are made from docs/benchmarks.json; nobody edits them by hand."""

from __future__ import annotations

import pytest

from tests.benchmarks.figures import KEPT, PAGE, README, Table, beside, page, readme


def test_the_page_shows_the_kept_figures() -> None:
    assert PAGE.read_text() == page(Table.from_json(KEPT.read_text()))


def test_the_readmes_table_shows_the_kept_figures() -> None:
    text = README.read_text()
    assert readme(text, Table.from_json(KEPT.read_text())) == text


def table_of(*values: float) -> Table:
    table = Table(made_at="2026-01-01", machine={}, versions={})
    for number, value in enumerate(values):
        table.add("part", f"figure {number}", value, "ms", at_most=5)
    return table


def test_a_figure_is_shown_beside_the_last_one_and_a_missed_goal_is_named() -> None:
    first, second = beside(table_of(4, 6), table_of(2)).splitlines()
    assert first == "part: figure 0  4 ms  goal at most 5  last 2 ms (+100%)"
    assert second == "part: figure 1  6 ms  goal at most 5  MISSED"


def test_a_part_that_is_run_alone_replaces_only_its_own_figures() -> None:
    kept = table_of(1, 2).updated_by(table_of(3))
    assert [figure.value for figure in kept.figures] == [3, 2]


@pytest.mark.parametrize(("value", "shown"), [(1234.5, "1,234 ms"), (0.01234, "0.0123 ms"), (12.34, "12.3 ms")])
def test_a_figure_has_three_digits(value: float, shown: str) -> None:
    assert table_of(value).figures[0].shown() == shown
