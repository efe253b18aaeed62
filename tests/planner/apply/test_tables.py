"""A plan's settings as a stack that `harness deploy` takes."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from harness.core.errors import HarnessError
from harness.planner.apply.tables import planned_stack
from harness.simulator.settings import Settings
from harness.stack.checks import scaling_problems
from harness.stack.file import load_stack
from harness.stack.tables import Stack
from tests.planner.apply.plans import EVERYTHING, FIXED, plan_of
from tests.planner.apply.stacks import twin_stack
from tests.planner.apply.test_files import functions, variants


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    return load_stack(twin_stack(tmp_path_factory.mktemp("stack")))


def of(stack: Stack) -> dict[str, str | None]:
    return {"endpoint": stack.endpoint.name, "function": stack.name, "alias": None}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(variants("AllTraffic"), functions())
def test_the_planned_stack_is_one_that_aws_accepts(stack: Stack, variant: object, function: object) -> None:
    chosen = Settings(variants=(variant,), function=function)  # type: ignore[arg-type]
    planned = planned_stack(plan_of(chosen, **of(stack)), stack)
    alias = planned.function and planned.function.alias
    assert list(scaling_problems(planned.scaling, ["AllTraffic"], alias)) == []


def test_the_stacks_own_parts_stay_and_the_planned_ones_take_their_place(stack: Stack) -> None:
    planned = planned_stack(plan_of(EVERYTHING, **of(stack)), stack)
    variant, function = planned.endpoint.production_variants["AllTraffic"], planned.function
    assert (variant.instance_type, variant.initial_instance_count) == ("ml.m5.xlarge", 2)
    assert variant.model == stack.endpoint.production_variants["AllTraffic"].model
    assert function is not None
    assert stack.function is not None
    assert (function.memory_size, function.timeout, function.alias) == (256, 30, "live")
    assert (function.reserved_concurrent_executions, function.provisioned_concurrent_executions) == (20, 2)
    assert (function.code, function.environment) == (stack.function.code, stack.function.environment)
    assert planned.scaling.function is not None
    assert list(planned.scaling.variants["AllTraffic"].step_scaling) == ["step-out", "step-in"]
    assert list(planned.scaling.variants["AllTraffic"].scheduled_actions) == ["daily-0630", "daily-2000"]
    assert planned.folder == stack.folder


def test_a_function_that_cannot_wait_a_part_of_a_second_waits_a_whole_one(stack: Stack) -> None:
    assert FIXED.function is not None
    function = FIXED.function.model_copy(update={"timeout": 29.2})
    planned = planned_stack(plan_of(FIXED.model_copy(update={"function": function}), **of(stack)), stack)
    assert planned.function is not None
    assert planned.function.timeout == 30


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"endpoint": "another"}, "of the endpoint another, the stack .* has echo-"),
        ({"function": "another"}, "of the function another"),
        ({"function": None}, "of the function none"),
    ],
)
def test_a_plan_of_another_stack_is_refused(stack: Stack, changes: dict[str, str | None], says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        planned_stack(plan_of(FIXED, **{**of(stack), **changes}), stack)
