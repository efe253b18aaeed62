"""Preparing the problem from the options: what is refused, and which assumptions are stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.core.profile import FunctionPart
from harness.planner.problem import PlanOptions, PreparedProblem, prepare
from tests.figures import plain
from tests.planner.files import a_profile_file, a_stack_file
from tests.planner.search.stand_in import LARGE


def prepared(folder: Path, *, stack: Path | None = None, **options: Any) -> PreparedProblem:
    usual = {"traffic": "constant:5/s:1h", "p99": "1.5s", "errors": "0.1%", **options}
    if "profiles" not in usual:
        usual["profiles"] = (str(a_profile_file(folder)),)
    return prepare(stack or a_stack_file(folder / "stack"), PlanOptions(**usual))


def test_the_stacks_own_settings_are_where_it_starts_from(tmp_path: Path) -> None:
    problem = prepared(tmp_path).problem
    assert (problem.variant, problem.base.variants[0].instance_type) == ("AllTraffic", "ml.m5.large")
    assert (problem.objective.p99, problem.objective.errors) == (1.5, 0.001)
    assert list(problem.system.profiles) == ["ml.m5.large"]
    assert problem.traffic.schedule.expected == pytest.approx(18_000)


def test_a_ratio_adds_an_instance_type_and_says_that_it_was_not_measured(tmp_path: Path) -> None:
    prepared_problem = prepared(tmp_path, ratios=("ml.m5.xlarge=2",))
    assert prepared_problem.problem.system.profiles["ml.m5.xlarge"].saturation_rate == 2 * (LARGE.saturation_rate or 0)
    assert any("stated by --ratio, not measured" in assumption for assumption in prepared_problem.assumptions)


def test_the_functions_own_part_is_that_of_the_profile(tmp_path: Path) -> None:
    measured = LARGE.model_copy(update={"function": FunctionPart(overhead=0.011, cold_start=0.35)})
    prepared_problem = prepared(tmp_path, profiles=(str(a_profile_file(tmp_path, measured)),))
    assert (prepared_problem.problem.system.function.overhead, prepared_problem.problem.system.function.cold_start) == (
        0.011,
        0.35,
    )
    sentence = "11.0 ms beside the endpoint and 350 ms to start cold, as measured"
    assert any(sentence in plain(assumption) for assumption in prepared_problem.assumptions)


def test_a_profile_that_was_not_measured_on_aws_is_a_warning(tmp_path: Path) -> None:
    assert any("a laptop's core is not that of an ml.m5.large" in warning for warning in prepared(tmp_path).warnings)
    on_aws = LARGE.provenance.model_copy(update={"machine": "ml.m5.large on AWS"})
    file = a_profile_file(tmp_path, LARGE.model_copy(update={"provenance": on_aws}))
    assert not any("laptop" in warning for warning in prepared(tmp_path, profiles=(str(file),)).warnings)


def test_a_profile_without_measured_saturation_is_a_warning(tmp_path: Path) -> None:
    file = a_profile_file(tmp_path, LARGE.model_copy(update={"saturation_rate": None}))
    warnings = prepared(tmp_path, profiles=(str(file),)).warnings
    assert any("no measured saturation rate" in warning and "extrapolated" in warning for warning in warnings)


def test_a_type_with_too_little_memory_for_what_was_measured_is_a_warning(tmp_path: Path) -> None:
    file = a_profile_file(tmp_path, LARGE.model_copy(update={"memory": 9 * 2**30}))
    assert any("took 9.0 GiB" in plain(warning) for warning in prepared(tmp_path, profiles=(str(file),)).warnings)


def test_other_stacks_are_compared_with_what_is_to_be_said_of_them(tmp_path: Path) -> None:
    other = a_stack_file(tmp_path / "other")
    (tmp_path / "other" / "remarks.md").write_text("Costs\n{cost_month}.\n")
    prepared_problem = prepared(tmp_path, compare=(other,))
    ((label, settings),) = prepared_problem.problem.compared
    assert prepared_problem.remarks == {label: "Costs {cost_month}."}
    assert settings.variants[0].instance_type == "ml.m5.large"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"traffic": "nothing.csv"}, r"'nothing\.csv' is not a traffic"),
        ({"p99": "fast"}, "'fast' is not a time"),
        ({"errors": "many"}, "'many' is not a share of the requests"),
        ({"peak": "40"}, "'40' is not a rate"),
        ({"profiles": ("nowhere.json",)}, r"Cannot read the profile nowhere\.json"),
        ({"profiles": ()}, r"A plan starts from a profile: `harness measure .*` writes one"),
        ({"variant": "Blue"}, "There is no variant Blue: the endpoint has AllTraffic"),
        ({"ratios": ("ml.m5.xlarge",)}, "is not a speed ratio"),
        ({"ratios": ("ml.x9.huge=2",)}, "ml.x9.huge"),
    ],
)
def test_what_cannot_be_planned_with_is_one_sentence(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        prepared(tmp_path, **options)


def test_a_profile_from_another_model_version_is_refused(tmp_path: Path) -> None:
    file = a_profile_file(tmp_path, model=b"another")
    with pytest.raises(HarnessError, match=r"is of another model .*: measure this one with `harness measure`"):
        prepared(tmp_path, profiles=(str(file),))


def test_a_stack_on_a_type_without_a_profile_is_refused_with_what_would_help(tmp_path: Path) -> None:
    stack = a_stack_file(tmp_path / "stack")
    stack.write_text(stack.read_text().replace("ml.m5.large", "ml.c5.xlarge"))
    file = a_profile_file(tmp_path)
    with pytest.raises(HarnessError, match=r"runs on ml\.c5\.xlarge, and no profile of it is given: give --profile"):
        prepared(tmp_path, stack=stack, profiles=(f"ml.m5.large={file}",))


def test_the_same_stack_is_not_compared_with_itself(tmp_path: Path) -> None:
    stack = a_stack_file(tmp_path / "stack")
    with pytest.raises(HarnessError, match="is compared already"):
        prepared(tmp_path, stack=stack, compare=(stack,))
