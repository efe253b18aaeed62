"""The files run for real, as their reader runs them: what the describe calls then say is the plan."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.core.environment import client_environment
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.planner.apply import write_apply_files
from harness.simulator.settings import Settings
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.scaling_tables import StepEntry, StepTable
from harness.stack.tables import Stack
from tests.planner.apply.aws_cli import aws_commands
from tests.planner.apply.deployed import deployed_settings
from tests.planner.apply.plans import EVERYTHING, FEW, FIXED, plan_of
from tests.planner.apply.stacks import twin_stack
from tests.support import Aws, running_aws

pytestmark = pytest.mark.unmeasured


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running_aws(LocalAwsOptions(port=0, provisioning_seconds=0)) as aws_here:
        yield aws_here


@dataclass(frozen=True)
class Shell:
    """Where a reader runs the files: the environment that `harness up` says to set."""

    environment: dict[str, str]

    def run(self, file: Path, expected: int = 0) -> str:
        """What it prints."""
        done = subprocess.run(
            [str(file)], env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == expected, done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shell(aws: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    home = tmp_path_factory.mktemp("home")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "AWS_PAGER": "",
        "POLL_SECONDS": "0.2",
        **client_environment(aws.url, "us-east-1"),
    }
    with aws_commands(home / "bin", environment) as folder:
        yield Shell({**environment, "PATH": f"{folder}:{environment['PATH']}"})


@pytest.fixture
def stack(aws: Aws, tmp_path: Path) -> Stack:
    stack = load_stack(twin_stack(tmp_path))
    StackDeployment(stack, administrator_session(), aws.url, lambda step: None).run()
    return stack


def names(stack: Stack) -> dict[str, Any]:
    assert stack.function is not None
    return {"stack": stack.name, "endpoint": stack.endpoint.name, "function": stack.function.name, "alias": None}


def applied(shell: Shell, stack: Stack, settings: Settings, folder: Path, file: str, **changes: Any) -> str:
    plan = plan_of(settings, **{**names(stack), **changes})
    write_apply_files(plan, folder)
    return shell.run(folder / file)


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 50,
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def begin_update(aws: Aws, stack: Stack) -> dict[str, Any]:
    """Updates the endpoint to a configuration with data capture, and does not wait; the configuration."""
    sagemaker, name = aws.client("sagemaker"), f"{stack.endpoint.name}-captured"
    present = sagemaker.describe_endpoint_config(EndpointConfigName=stack.endpoint.name)
    capture = {**CAPTURE, "DestinationS3Uri": f"s3://{stack.bucket}/capture"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=present["ProductionVariants"], DataCaptureConfig=capture
    )
    sagemaker.update_endpoint(EndpointName=stack.endpoint.name, EndpointConfigName=name)
    return dict(sagemaker.describe_endpoint_config(EndpointConfigName=name))


def leave_behind(aws: Aws, stack: Stack) -> None:
    """What somebody may have set before: a policy of each kind, an alarm, a scheduled action, another concurrency."""
    scaling, name = aws.client("application-autoscaling"), stack.endpoint.name
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{name}/variant/AllTraffic",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    table = StepTable(threshold=900, above=True, steps=[StepEntry(adjustment=1)])
    step = {"PolicyType": "StepScaling", "StepScalingPolicyConfiguration": table.configuration()}
    arn = scaling.put_scaling_policy(**target, PolicyName="old", **step)["PolicyARN"]
    alarm = {"AlarmName": f"{name}-AllTraffic-old", **table.alarm(name, "AllTraffic")}
    aws.client("cloudwatch").put_metric_alarm(**alarm, AlarmActions=[arn])
    scaling.put_scheduled_action(
        **target, ScheduledActionName="old", Schedule="rate(1 day)", ScalableTargetAction={"MinCapacity": 1}
    )
    aws.client("lambda").put_function_concurrency(FunctionName=stack.name, ReservedConcurrentExecutions=33)


def step_alarms(aws: Aws, endpoint: str) -> set[str]:
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{endpoint}-")["MetricAlarms"]
    return {alarm["AlarmName"] for alarm in alarms}


@pytest.mark.parametrize("file", ["apply.sh", "apply.py"])
def test_what_is_deployed_is_the_plan(aws: Aws, shell: Shell, stack: Stack, tmp_path: Path, file: str) -> None:
    sagemaker, functions, name = aws.client("sagemaker"), aws.client("lambda"), stack.endpoint.name
    created = sagemaker.describe_endpoint(EndpointName=name)["CreationTime"]
    leave_behind(aws, stack)
    before = begin_update(aws, stack)

    # An update that is under way is waited for, and what the configuration has beside the variants is kept.
    output = applied(shell, stack, EVERYTHING, tmp_path / "plan" / "apply", file)
    assert f"The plan is applied: endpoint {name} and function {name}." in output
    assert deployed_settings(aws.client, name, name, "live") == EVERYTHING
    endpoint = sagemaker.describe_endpoint(EndpointName=name)
    config = sagemaker.describe_endpoint_config(EndpointConfigName=endpoint["EndpointConfigName"])
    assert config["DataCaptureConfig"] == before["DataCaptureConfig"]
    member = "ContainerStartupHealthCheckTimeoutInSeconds"
    assert config["ProductionVariants"][0][member] == before["ProductionVariants"][0][member]
    assert step_alarms(aws, name) == {f"{name}-AllTraffic-step-out", f"{name}-AllTraffic-step-in"}

    # Again: nothing is updated and no version is published; what was set by hand since then is gone.
    versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
    leave_behind(aws, stack)
    assert f"Endpoint {name} is as planned already." in shell.run(tmp_path / "plan" / "apply" / file)
    assert sagemaker.describe_endpoint(EndpointName=name)["LastModifiedTime"] == endpoint["LastModifiedTime"]
    assert functions.list_versions_by_function(FunctionName=name)["Versions"] == versions
    assert deployed_settings(aws.client, name, name, "live") == EVERYTHING
    assert step_alarms(aws, name) == {f"{name}-AllTraffic-step-out", f"{name}-AllTraffic-step-in"}

    # Another plan, of a fleet that does not scale and nothing provisioned: nothing of the first one is left.
    applied(shell, stack, FIXED, tmp_path / "plan" / "apply", file, alias="live")
    assert deployed_settings(aws.client, name, name, "live") == FIXED
    assert step_alarms(aws, name) == set()
    # The endpoint was updated, never replaced: it served all the time.
    assert sagemaker.describe_endpoint(EndpointName=name)["CreationTime"] == created


@pytest.mark.parametrize("file", ["apply.sh", "apply.py"])
def test_a_function_without_an_alias_gets_one_only_where_something_is_provisioned(
    aws: Aws, shell: Shell, stack: Stack, tmp_path: Path, file: str
) -> None:
    applied(shell, stack, FIXED, tmp_path / "apply", file)
    assert deployed_settings(aws.client, stack.endpoint.name, stack.name, None) == FIXED
    assert aws.client("lambda").list_aliases(FunctionName=stack.name)["Aliases"] == []
    if file == "apply.py":  # quicker by far
        for settings in (FEW, EVERYTHING, FEW):
            applied(shell, stack, settings, tmp_path / "apply", file)
            assert deployed_settings(aws.client, stack.endpoint.name, stack.name, "live") == settings


@pytest.mark.parametrize("file", ["apply.sh", "apply.py"])
def test_an_endpoint_of_other_variants_is_left_alone(
    aws: Aws, shell: Shell, stack: Stack, tmp_path: Path, file: str
) -> None:
    blue = FEW.model_copy(update={"variants": (FEW.variants[0].model_copy(update={"name": "Blue"}),)})
    write_apply_files(plan_of(blue, **names(stack)), tmp_path / "apply")
    output = shell.run(tmp_path / "apply" / file, expected=1)
    assert "AllTraffic" in output
    assert "Blue" in output
    assert "Traceback" not in output
    description = aws.client("sagemaker").describe_endpoint(EndpointName=stack.endpoint.name)
    assert description["EndpointConfigName"] == stack.endpoint.name
