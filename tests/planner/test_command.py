"""`harness plan` as its user runs it, and `harness deploy --plan` of what came of it.

All but the last test plan with the search's stand-in for the simulator, which takes no time.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import harness.planner.search.engine
import harness.simulator
from harness.cli.main import main
from harness.core.errors import HarnessError
from harness.local_aws.options import LocalAwsOptions
from harness.planner.apply import FILES
from harness.planner.command import plan_folder
from harness.planner.plan import read_plan
from tests.figures import plain
from tests.planner.files import a_profile_file, a_stack_file
from tests.planner.search import stand_in
from tests.support import running_aws

QUICK = ["--jobs", "1", "--candidates", "12", "--replications", "3", "--no-confirm"]


@pytest.fixture(autouse=True)
def _quickly(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "really" not in request.node.name:
        monkeypatch.setattr(harness.simulator, "simulate", stand_in.simulate)


def plan(folder: Path, *more: str, stack: Path | None = None, traffic: str = "daily:2/s..40/s") -> Result:
    stack = stack or a_stack_file(folder / "stack")
    arguments = [str(stack), "--profile", str(a_profile_file(folder)), "--traffic", traffic, "--p99", "500ms"]
    result = CliRunner().invoke(main, ["plan", *arguments, "--out", str(folder / "plan"), *QUICK, *more])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@dataclass(frozen=True)
class Planned:
    """A plan for a stack of twins, its folder, and what the command printed."""

    folder: Path
    stack: Path
    result: Result


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    """One for all tests that only read it."""
    folder = tmp_path_factory.mktemp("planned")
    stack = a_stack_file(folder / "stack", twins=a_profile_file(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.simulator, "simulate", stand_in.simulate)
        yield Planned(folder / "plan", stack, plan(folder, "--seed", "7", stack=stack))


def test_a_plan_its_report_and_the_files_to_apply_are_written(planned: Planned) -> None:
    assert planned.result.exit_code == 0, planned.result.stderr
    folder = planned.folder
    written = read_plan(folder)
    assert written.version == 1
    assert written.recommended is not None
    assert written.recommended.figures.meets
    assert written.evidence.saturation_rate == stand_in.LARGE.saturation_rate
    assert {"plan.json", "report.html", "report.md", "apply"} == {entry.name for entry in folder.iterdir()}
    assert {entry.name for entry in (folder / "apply").iterdir()} == set(FILES)


def test_the_closing_lines_say_what_to_run_and_where_things_are(planned: Planned) -> None:
    lines = planned.result.stdout.splitlines()
    output = " ".join(" ".join(lines).split())
    assert "ml.m5.large, scaled at" in output
    assert "It meets the objective" in output
    assert [line.split(":")[0] for line in lines[-3:]] == ["Plan", "Report", "Apply"]
    for label in ("recommended", "runner-up", "as the stack file says", "AWS's rule of thumb"):
        assert sum(line.startswith(f" {label}") or line.startswith(label) for line in lines) == 1, label
    assert any(line.startswith("Note: The profile large was measured on none: made up") for line in lines)


def test_traffic_that_no_settings_can_serve_is_reported_with_the_first_limit(tmp_path: Path) -> None:
    result = plan(tmp_path, "--max-instances", "2", traffic="constant:100/s:2h")
    assert result.exit_code == 1
    output = " ".join(result.stdout.split())
    assert "No setting serves this traffic" in output
    assert "The first limit that breaks: Instances: 100/s takes 5 of ml.m5.large at their saturation" in output
    assert not (tmp_path / "plan" / "apply").exists()
    assert read_plan(tmp_path / "plan").recommended is None


@pytest.mark.unmeasured
def test_extrapolation_past_the_measured_saturation_is_reported(tmp_path: Path) -> None:
    """The stack's own single instance is offered twice what it was measured to answer."""
    result = plan(tmp_path, traffic="constant:40/s:2h")
    (warning,) = [entry for entry in read_plan(tmp_path / "plan").warnings if "saturation" in entry]
    assert "figures are extrapolated there, in: as the stack file says (2 h)" in plain(warning)
    assert warning.split()[0] in result.stdout


def test_a_profile_of_another_model_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    stack = a_stack_file(tmp_path / "stack")
    (stack.parent / "model.tar.gz").write_bytes(b"a later version")
    result = plan(tmp_path, stack=stack)
    assert result.exit_code == 1
    assert "is of another model" in result.stderr
    assert not (tmp_path / "plan").exists()


@pytest.mark.unmeasured
def test_the_same_seed_gives_the_same_plan(planned: Planned, tmp_path: Path) -> None:
    assert plan(tmp_path, "--seed", "7", stack=planned.stack).exit_code == 0
    first, second = (json.loads((folder / "plan.json").read_text()) for folder in (planned.folder, tmp_path / "plan"))
    del first["created_at"], second["created_at"]
    assert first == second


def test_a_dask_scheduler_that_does_not_answer_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(harness.planner.search.engine, "_CONNECT_SECONDS", 0.5)
    result = plan(tmp_path, "--dask", "tcp://127.0.0.1:9")
    assert result.exit_code == 1
    assert "No Dask scheduler answers at tcp://127.0.0.1:9" in result.stderr


def test_what_is_planned_is_deployed(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    written = read_plan(planned.folder)
    assert written.recommended is not None
    (variant,) = written.recommended.settings.variants
    with running_aws(LocalAwsOptions(port=0, provisioning_seconds=0)) as aws:
        monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
        result = CliRunner().invoke(main, ["deploy", "--plan", str(planned.folder)])
        assert result.exit_code == 0, result.stderr
        found = aws.client("sagemaker").describe_endpoint(EndpointName=written.endpoint)["ProductionVariants"][0]
        assert found["DesiredInstanceCount"] == variant.initial_instance_count
        job = {"JobName": "asks-the-plan", "JobType": "Default", "RoleArn": aws.role(service="sagemaker.amazonaws.com")}
        model = {"ModelName": written.models["AllTraffic"]}
        aws.client("sagemaker").create_inference_recommendations_job(**job, InputConfig=model)
        answer = aws.client("sagemaker").describe_inference_recommendations_job(JobName="asks-the-plan")
        first = answer["InferenceRecommendations"][0]["EndpointConfiguration"]
        assert first["InstanceType"] == variant.instance_type
        scaling = aws.client("application-autoscaling")
        (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        assert (target["MinCapacity"], target["MaxCapacity"]) == (variant.min_capacity, variant.max_capacity)


def test_a_plan_whose_stack_file_is_elsewhere_asks_for_it(planned: Planned) -> None:
    moved = planned.stack.rename(planned.stack.with_name("moved.toml"))
    try:
        result = CliRunner().invoke(main, ["deploy", "--plan", str(planned.folder)])
    finally:
        moved.rename(planned.stack)
    assert result.exit_code == 1
    assert "is not here: name it, harness deploy STACK_FILE --plan" in result.stderr


def test_nothing_to_deploy_is_one_sentence() -> None:
    result = CliRunner().invoke(main, ["deploy"])
    assert isinstance(result.exception, SystemExit | HarnessError)
    assert "Say what to deploy: harness deploy STACK_FILE, or --plan PLAN." in result.stderr


def test_it_really_simulates(tmp_path: Path) -> None:
    """A few settings of ten minutes, through the simulator itself."""
    result = plan(tmp_path, "--candidates", "6", traffic="steps:2/s,20/s:10min")
    assert result.exit_code in (0, 1), result.stderr
    written = read_plan(tmp_path / "plan")
    assert written.explored == 6
    own = next(entry for entry in written.compared if entry.label == "as the stack file says")
    # Of the second half an instance is offered all that it can answer: the first seconds are enough for a queue.
    assert (own.figures.p50.value or 0) > 0.08


@pytest.mark.parametrize("ending", [KeyboardInterrupt, RuntimeError, HarnessError])
def test_a_plan_that_ends_early_leaves_no_empty_folder(tmp_path: Path, ending: type[BaseException]) -> None:
    (tmp_path / "mine").mkdir()
    for out in (tmp_path / "mine" / "a" / "b", tmp_path / "mine"):
        with pytest.raises(ending), plan_folder("stack", out):
            raise ending("in the middle of it")
    assert list(tmp_path.rglob("*")) == [tmp_path / "mine"]  # which the plan has not made


def test_a_plan_that_ends_after_something_was_written_keeps_it(tmp_path: Path) -> None:
    with contextlib.suppress(KeyboardInterrupt), plan_folder("stack", tmp_path / "a" / "b") as folder:
        (folder / "plan.json").write_text("{}")
        raise KeyboardInterrupt
    assert (tmp_path / "a" / "b" / "plan.json").exists()
