"""The files as texts: what they declare is the plan, and each is what its language's own checker takes.

Terraform itself is not run: it is a program of its own, and needs its AWS provider from the network.
"""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import HarnessError
from harness.planner.apply import FILES, write_apply_files
from harness.planner.apply.render import apply_files
from harness.planner.plan import Plan
from harness.simulator.settings import (
    CONCURRENCY,
    INVOCATIONS,
    FunctionSettings,
    ProvisionedScaling,
    ScheduledCapacity,
    Settings,
    Step,
    StepSettings,
    TrackingSettings,
    VariantSettings,
)
from tests.planner.apply.declared import cloudformation, settings_of_template, settings_of_terraform, terraform
from tests.planner.apply.plans import EVERYTHING, FEW, FIXED, plan_of

TWO = Settings(
    variants=(
        VariantSettings(name="blue-1", instance_type="ml.c5.xlarge", initial_variant_weight=0.9),
        VariantSettings(
            name="green",
            instance_type="ml.m5.large",
            initial_variant_weight=0.1,
            tracking=(TrackingSettings(target_value=9),),
        ),
    )
)
CASES = {"everything": EVERYTHING, "few": FEW, "fixed": FIXED, "two variants, no function": TWO}

seconds = st.integers(0, 3600).map(float)
values = st.floats(0.5, 10_000).map(lambda value: round(value, 3))


@st.composite
def trackings(draw: st.DrawFn) -> tuple[TrackingSettings, ...]:
    metrics = draw(st.lists(st.sampled_from([INVOCATIONS, CONCURRENCY]), unique=True))
    return tuple(
        TrackingSettings(
            metric=metric,
            target_value=draw(values),
            scale_out_cooldown=draw(seconds),
            scale_in_cooldown=draw(seconds),
            disable_scale_in=draw(st.booleans()),
        )
        for metric in metrics
    )


@st.composite
def step_policies(draw: st.DrawFn) -> tuple[StepSettings, ...]:
    policies = []
    for above in draw(st.lists(st.booleans(), max_size=3)):
        bounds = sorted({0.0, *draw(st.lists(values, max_size=2))})
        sign = 1 if above else -1
        steps = tuple(Step(bound=bound, adjustment=sign * draw(st.integers(1, 9))) for bound in bounds)
        periods, cooldown = draw(st.integers(1, 60)), draw(seconds)
        policies.append(
            StepSettings(threshold=draw(values), above=above, periods=periods, steps=steps, cooldown=cooldown)
        )
    return tuple(policies)


@st.composite
def variants(draw: st.DrawFn, name: str) -> VariantSettings:
    low = draw(st.integers(1, 5))
    minutes = draw(st.lists(st.integers(0, 1439), max_size=3, unique=True))
    schedule = tuple(
        ScheduledCapacity(second_of_day=60 * minute, min_capacity=low, max_capacity=low + 1) for minute in minutes
    )
    variant = VariantSettings(
        name=name,
        instance_type=draw(st.sampled_from(["ml.m5.large", "ml.c5.xlarge"])),
        initial_instance_count=draw(st.integers(1, 9)),
        initial_variant_weight=float(draw(st.integers(0, 9))),
        routing_strategy=draw(st.sampled_from(["RANDOM", "LEAST_OUTSTANDING_REQUESTS"])),
        tracking=draw(trackings()),
        steps=draw(step_policies()),
        schedule=schedule,
    )
    # The bounds of a fleet that does not scale are nobody's.
    bounds = {"min_capacity": low, "max_capacity": low + draw(st.integers(0, 5))}
    return variant.model_copy(update=bounds) if variant.scales else variant


@st.composite
def functions(draw: st.DrawFn) -> FunctionSettings:
    provisioned = draw(st.integers(0, 5))
    scaling = ProvisionedScaling(min_capacity=1, max_capacity=5, target_value=0.7)
    return FunctionSettings(
        memory_size=draw(st.integers(128, 10_240)),
        timeout=draw(st.integers(1, 900)),
        reserved_concurrent_executions=draw(st.none() | st.integers(provisioned, 100)),
        provisioned_concurrent_executions=provisioned,
        provisioned_scaling=scaling if provisioned and draw(st.booleans()) else None,
    )


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    names = draw(st.lists(st.from_regex(r"\A[a-zA-Z0-9](-?[a-zA-Z0-9]){0,20}\Z"), min_size=1, max_size=3, unique=True))
    return Settings(variants=tuple(draw(variants(name)) for name in names), function=draw(st.none() | functions()))


@settings(max_examples=25)
@given(any_settings())
@pytest.mark.unmeasured
def test_both_templates_declare_the_plan(chosen: Settings) -> None:
    texts = apply_files(plan_of(chosen))
    assert settings_of_template(texts["template.yaml"]) == chosen
    assert settings_of_terraform(texts["main.tf"]) == chosen


@settings(max_examples=10)
@given(any_settings())
def test_the_program_is_python_of_the_plans_settings(chosen: Settings) -> None:
    tree = ast.parse(apply_files(plan_of(chosen))["apply.py"])
    constants = {
        node.targets[0].id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("VARIANTS", "TARGETS", "ENDPOINT")
    }
    assert constants["ENDPOINT"] == "dog-breed-endpoint"
    assert list(constants["VARIANTS"]) == [variant.name for variant in chosen.variants]
    scaled = [target["resource_id"].rpartition("/")[2] for target in constants["TARGETS"] if target["bounds"]]
    assert [name for name in scaled if ":" not in name] == [
        variant.name for variant in chosen.variants if variant.scales
    ]


@pytest.mark.parametrize("case", CASES)
def test_cloudformations_own_checker_has_nothing_to_say(case: str) -> None:
    from cfnlint.api import ManualArgs, lint  # which takes seconds to import, in every test process if it stood above

    problems = lint(apply_files(plan_of(CASES[case]))["template.yaml"], config=ManualArgs(regions=["us-east-1"]))
    assert [str(problem) for problem in problems] == []


def test_every_resource_of_the_templates_waits_for_what_it_scales() -> None:
    texts = apply_files(plan_of(EVERYTHING))
    waits = {name: resource.get("DependsOn") for name, resource in cloudformation(texts["template.yaml"]).items()}
    assert (waits["Target1"], waits["Target2"]) == ("Endpoint", "FunctionAlias")
    targets = terraform(texts["main.tf"])["aws_appautoscaling_target"]
    assert [resource["depends_on"] for resource in targets.values()] == [
        ["${aws_sagemaker_endpoint.plan}"],
        ["${aws_lambda_alias.plan}"],
    ]


@pytest.mark.parametrize("case", CASES)
def test_bash_takes_the_script(case: str, tmp_path: Path) -> None:
    write_apply_files(plan_of(CASES[case]), tmp_path)
    done = subprocess.run(["bash", "-n", tmp_path / "apply.sh"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_four_files_are_written_and_two_can_be_run(tmp_path: Path) -> None:
    paths = write_apply_files(plan_of(EVERYTHING), tmp_path / "plan" / "apply")
    assert [path.name for path in paths] == list(FILES) == ["apply.sh", "apply.py", "template.yaml", "main.tf"]
    assert [bool(path.stat().st_mode & 0o100) for path in paths] == [True, True, False, False]


def test_a_plan_without_an_answer_has_nothing_to_apply(tmp_path: Path) -> None:
    plan: Plan = plan_of(EVERYTHING).model_copy(update={"recommended": None, "first_limit": "reserved concurrency 2"})
    with pytest.raises(HarnessError, match="none serves the traffic: reserved concurrency 2"):
        write_apply_files(plan, tmp_path / "apply")
    assert not (tmp_path / "apply").exists()


def test_a_stacks_name_is_never_executed_as_code() -> None:
    plan = plan_of(EVERYTHING).model_copy(update={"stack": '"""\n`rm -rf`; $(id) ${x}\\'})
    texts = apply_files(plan)
    ast.parse(texts["apply.py"])
    head = texts["apply.sh"].splitlines()[1]
    assert head.startswith("# The plan of ")
    assert not set(head) & set('`$"\\')
    assert settings_of_template(texts["template.yaml"]) == settings_of_terraform(texts["main.tf"]) == EVERYTHING
