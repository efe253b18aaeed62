"""Remarks on a setting stand beside its stack file, and get their figures from the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.errors import HarnessError
from harness.planner.remarks import read_remarks, with_figures
from tests.figures import plain
from tests.report.plan.plans import a_plan, candidate, settings

WRITE_UPS = sorted((Path(__file__).parents[2] / "fixtures" / "writeups").glob("*/stack.toml"))


def remark(words: str, **changes: object) -> str | None:
    remarked = candidate("it", settings(target=5, reserved=2, provisioned=1), words, hours_at_maximum=12.5)
    filled = with_figures(a_plan(compared=(remarked, candidate("other", settings(target=None), p99=0.9)), **changes))
    return filled.compared[0].says and plain(filled.compared[0].says)


def test_a_figure_of_the_setting_is_that_of_the_plan() -> None:
    assert remark("At most {max_capacity} for {hours_at_maximum} of {length}, which is {share_at_maximum}.") == (
        "At most 3 for 12 h 30 min of 24 h, which is 52.1 %."
    )
    assert remark(
        "{target_value}: one every {request_every}; the mean is {mean_at_maximum}, {times_target} times."
    ) == ("5: one every 12 s; the mean is 400, 80 times.")
    assert remark("{reserved} and {provisioned}, {throttles} throttles, {errors}") == "2 and 1, 200 throttles, 0.02 %"


def test_a_figure_of_another_setting_is_named_with_it() -> None:
    assert remark("{p99} against {p99 of other} and {p99 of recommended}") == "410 ms against 900 ms and 410 ms"


def test_what_the_plan_has_not_is_refused_with_what_it_has() -> None:
    with pytest.raises(HarnessError, match=r"The remarks of it name \{speed\}; there are: p50, p95, p99"):
        remark("{speed}")
    with pytest.raises(HarnessError, match=r"The remarks of other2 name|name 'nobody', which the plan has not: recom"):
        remark("{p99 of nobody}")
    with pytest.raises(HarnessError, match=r"name \{target_value\}"):
        remark("{target_value of other}")


def test_a_setting_without_remarks_stays_as_it_is() -> None:
    plan = a_plan(compared=(candidate("it"),))
    assert with_figures(plan) == plan


def test_remarks_are_read_from_beside_the_stack_file_a_paragraph_a_line(tmp_path: Path) -> None:
    assert read_remarks(tmp_path / "stack.toml") is None
    (tmp_path / "remarks.md").write_text("One thing\nover two lines.\n\nAnother.\n")
    assert read_remarks(tmp_path / "stack.toml") == "One thing over two lines.\n\nAnother."
