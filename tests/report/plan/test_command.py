"""`harness report` takes a plan by its folder or by the plan.json itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import main
from harness.planner.apply import FILES
from tests.report.plan.plans import a_plan, write_plan


@pytest.mark.parametrize("named", ["plan", "plan/plan.json"])
def test_a_plan_is_named_by_its_folder_or_its_file(tmp_path: Path, named: str) -> None:
    folder = write_plan(tmp_path / "plan", a_plan(minutes=(), sensitivity=()))
    result = CliRunner().invoke(main, ["report", str(tmp_path / named)])
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(
        f"Report: {folder / 'report.html'}\n1–3 ml.m5.large, target 690 a minute each | $178.78"
    )
    assert (folder / "report.md").is_file()
    assert {file.name for file in (folder / "apply").iterdir()} == set(FILES)


def test_where_nothing_is_recommended_there_is_nothing_to_apply(tmp_path: Path) -> None:
    limit = "50 instances are not enough"
    plan = a_plan(recommended=None, runner_up=None, first_limit=limit, minutes=(), sensitivity=(), front=())
    result = CliRunner().invoke(main, ["report", str(write_plan(tmp_path, plan))])
    assert (result.exit_code, f"No setting serves this traffic: {limit}" in result.stdout) == (0, True)
    assert not (tmp_path / "apply").exists()


def test_a_path_that_is_neither_a_plan_nor_a_run_is_answered_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[]")
    for what, said in (
        (tmp_path / "other.json", "is not a plan of version 1"),
        (tmp_path / "missing.json", "Cannot read the plan"),
        (tmp_path / "nothing", "no run begins with"),
    ):
        result = CliRunner().invoke(main, ["report", str(what)])
        assert result.exit_code == 1
        assert said in result.stderr
        assert "Traceback" not in result.output
