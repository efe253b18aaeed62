"""The example report is what the product writes today from its plan, and the simulator gives its figures."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from harness.planner.plan import Plan
from harness.planner.problem import PlanOptions, prepare
from harness.planner.search.find import OWN, THUMB
from harness.report.plan.page import markdown, render

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "five-write-ups"
WRITEUPS = [f"writeup-{letter}" for letter in "abcde"]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan.model_validate(json.loads(gzip.decompress((EXAMPLE / "plan.json.gz").read_bytes())))


def words(page: str) -> str:
    """Without drawings, whose paths are matplotlib's and differ with its version."""
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)


def test_the_example_is_what_the_product_writes_today(plan: Plan) -> None:
    assert (EXAMPLE / "report.md").read_text(encoding="utf-8") == markdown(plan)
    assert words((EXAMPLE / "report.html").read_text(encoding="utf-8")) == words(render(plan))
    assert (EXAMPLE / "report.html").stat().st_size < 1_000_000


def test_the_plan_is_compared_with_all_five_write_ups_and_the_rule_of_thumb(plan: Plan) -> None:
    assert [candidate.label for candidate in plan.compared] == [OWN, THUMB, *WRITEUPS]
    assert plan.recommended is not None
    assert plan.recommended.figures.meets
    assert all(candidate.figures.replications == 3 for candidate in plan.compared)
    assert plan.traffic.source == "nasa-http-1995-07.csv.gz, 1995-07-07..1995-07-20, scaled to a peak of 8/s"
    assert plan.traffic.peak_rate == pytest.approx(8)


def test_each_remark_has_the_figure_that_shows_the_misreading(plan: Plan) -> None:
    said = {candidate.label: candidate.says or "" for candidate in plan.compared}
    assert "Reads the target of 5 as concurrent requests" in said["writeup-b"]
    assert "Reads the target of 25 as concurrent requests" in said["writeup-e"]
    assert "Swaps reserved and provisioned concurrency" in said["writeup-b"]
    assert "It delays removing them" in said["writeup-e"]
    figures = {candidate.label: candidate.figures for candidate in plan.compared}
    assert f"{round(figures['writeup-b'].throttles.value or 0):,} throttles" in said["writeup-b"].replace("\n", " ")
    assert not any("{" in remark for remark in said.values())


def test_the_figures_are_what_the_simulator_gives(plan: Plan) -> None:
    """Write-up B, simulated again with other draws: its throttles are those that the report prints."""
    from harness.simulator import simulate

    folder = ROOT / "fixtures"
    prepared = prepare(
        folder / "dog_breed" / "stack.toml",
        PlanOptions(
            profiles=(str(folder / "profiles" / "dog-breed-torchserve-2-cores.json"),),
            ratios=("ml.m5.xlarge=2",),
            traffic=str(folder / "traffic" / "nasa-http-1995-07.csv.gz"),
            day="1995-07-07..1995-07-20",
            peak="8/s",
            p99="1.5s",
            errors="0.1%",
        ),
    )
    shipped = next(candidate for candidate in plan.compared if candidate.label == "writeup-b")
    problem = prepared.problem
    again = simulate(shipped.settings, problem.system, problem.traffic.schedule, seed=99)
    assert again.throttles == pytest.approx(shipped.figures.throttles.value, rel=0.05)
    assert again.requests == pytest.approx(plan.traffic.requests, rel=0.01)
