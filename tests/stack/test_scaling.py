"""[scaling] of a stack file: the problems that are found in it, and its deployment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.stack.file import load_stack
from harness.stack.scaling_deployment import deploy_scaling
from harness.stack.tables import Stack
from tests.scaling.twins import twin_endpoint
from tests.stack.test_file import STACK, refusal
from tests.support import Aws

SCALING = """
[scaling.variants.AllTraffic]
max_capacity = 3

[scaling.variants.AllTraffic.target_tracking.requests]
target_value = 5
scale_in_cooldown = 60

[scaling.variants.AllTraffic.scheduled_actions.morning]
schedule = "cron(0 8 ? * MON-FRI *)"
timezone = "Europe/Berlin"
min_capacity = 2
"""
SECOND = """
[scaling.variants.AllTraffic.target_tracking.again]
target_value = 7
"""
FUNCTION = """
[scaling.function]
min_capacity = 1
max_capacity = 4

[scaling.function.target_tracking.busy]
target_value = 0.7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "lambda").mkdir()
    (tmp_path / "model.tar.gz").write_bytes(b"")
    (tmp_path / "policy.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    return tmp_path


def stack(folder: Path, text: str) -> Stack:
    (folder / "stack.toml").write_text(text)
    return load_stack(folder / "stack.toml")


# ruff: noqa: E501 - a table reads best with a row a line
@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("variants.AllTraffic", "variants.Other", "scaling.variants.Other: no variant 'Other'; there are: AllTraffic"),
        ("max_capacity = 3", "max_capacity = 0", "max_capacity: 0 is less than min_capacity, 1"),
        ("max_capacity = 3", "", "scaling.variants.AllTraffic.max_capacity: this key is required and missing"),
        ("max_capacity = 3", "max_capacity = 3\nmin_capacity = 0", "min_capacity: input should be greater than or equal to 1"),
        ("target_value = 5", "target_value = 0", "target_value: input should be greater than 0, not 0"),
        ("target_value = 5", "target_vale = 5", "unknown key; did you mean target_value?"),
        ("target_value = 5", 'target_value = 5\npredefined_metric_type = "CPU"', "must be 'SageMakerVariantInvocationsPerInstance' or"),
        ("scale_in_cooldown = 60", "scale_in_cooldown = -1", "scale_in_cooldown: input should be greater than or equal to 0"),
        ('"cron(0 8 ? * MON-FRI *)"', '"0 8 * * 1"', "morning.schedule: Invalid schedule expression. Details"),
        ('"Europe/Berlin"', '"Europe/Bonn"', "morning.schedule: Invalid time zone: Europe/Bonn"),
        ("min_capacity = 2", "", "morning: needs min_capacity, max_capacity or both"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(folder: Path, old: str, new: str, sentence: str) -> None:
    assert old in SCALING
    lines = refusal(folder, STACK + SCALING.replace(old, new))
    assert any(sentence in line for line in lines), lines


def test_only_one_policy_may_track_a_metric(folder: Path) -> None:
    (line,) = refusal(folder, STACK + SCALING + SECOND)
    assert line.endswith("scaling.variants.AllTraffic.target_tracking: only one policy may track a metric")


def test_a_function_is_scaled_by_its_alias(folder: Path) -> None:
    (line,) = refusal(folder, STACK + FUNCTION)
    assert 'scaling.function: needs a function with an alias, such as alias = "live"' in line
    assert stack(folder, STACK + 'alias = "live"\n' + FUNCTION).scaling.function is not None


@pytest.fixture
def client(aws: Aws) -> Any:
    return aws.client("application-autoscaling")


def for_endpoint(endpoint: str, text: str) -> str:
    return text.replace("dogs-endpoint", endpoint)


def test_a_deployment_registers_and_a_later_one_removes(aws: Aws, client: Any, folder: Path) -> None:
    endpoint = twin_endpoint(aws)
    resource = f"endpoint/{endpoint}/variant/AllTraffic"
    steps: list[str] = []
    for _ in range(2):  # again and again is the same
        deploy_scaling(
            client, aws.client("cloudwatch"), stack(folder, for_endpoint(endpoint, STACK + SCALING)), steps.append
        )
    assert steps == [f"auto scaling of {resource}"] * 2
    (target,) = client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])[
        "ScalableTargets"
    ]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 3)
    (policy,) = client.describe_scaling_policies(ServiceNamespace="sagemaker", ResourceId=resource)["ScalingPolicies"]
    assert policy["PolicyName"] == "requests"
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 5.0,
        "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        "ScaleInCooldown": 60,
        "DisableScaleIn": False,
    }
    (action,) = client.describe_scheduled_actions(ServiceNamespace="sagemaker", ResourceId=resource)["ScheduledActions"]
    assert (action["Schedule"], action["Timezone"]) == ("cron(0 8 ? * MON-FRI *)", "Europe/Berlin")
    assert action["ScalableTargetAction"] == {"MinCapacity": 2}

    bare = "\n[scaling.variants.AllTraffic]\nmax_capacity = 2\n"
    deploy_scaling(client, aws.client("cloudwatch"), stack(folder, for_endpoint(endpoint, STACK + bare)), steps.append)
    where = {"ServiceNamespace": "sagemaker", "ResourceId": resource}
    assert client.describe_scaling_policies(**where)["ScalingPolicies"] == []
    assert client.describe_scheduled_actions(**where)["ScheduledActions"] == []

    deploy_scaling(client, aws.client("cloudwatch"), stack(folder, for_endpoint(endpoint, STACK)), steps.append)
    assert (
        client.describe_scalable_targets(ServiceNamespace="sagemaker", ResourceIds=[resource])["ScalableTargets"] == []
    )


STEPS = """
[scaling.variants.AllTraffic]
max_capacity = 9

[scaling.variants.AllTraffic.step_scaling.out]
threshold = 300
above = true
cooldown = 60
steps = [{ adjustment = 1 }, { bound = 100, adjustment = 3 }]

[scaling.variants.AllTraffic.step_scaling.in]
threshold = 100
above = false
evaluation_periods = 10
steps = [{ adjustment = -1 }, { bound = 50, adjustment = -2 }]
"""


def test_step_policies_come_with_their_alarms_and_go_with_them(aws: Aws, client: Any, folder: Path) -> None:
    endpoint, cloudwatch = twin_endpoint(aws), aws.client("cloudwatch")
    where = {"ServiceNamespace": "sagemaker", "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic"}
    for _ in range(2):
        deploy_scaling(client, cloudwatch, stack(folder, for_endpoint(endpoint, STACK + STEPS)), lambda _: None)
    policies = client.describe_scaling_policies(**where)["ScalingPolicies"]
    configurations = {policy["PolicyName"]: policy["StepScalingPolicyConfiguration"] for policy in policies}
    assert configurations["out"]["StepAdjustments"] == [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 100.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 100.0, "ScalingAdjustment": 3},
    ]
    assert configurations["in"]["StepAdjustments"] == [
        {"MetricIntervalUpperBound": 0.0, "MetricIntervalLowerBound": -50.0, "ScalingAdjustment": -1},
        {"MetricIntervalUpperBound": -50.0, "ScalingAdjustment": -2},
    ]
    assert configurations["out"]["Cooldown"] == 60
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=f"{endpoint}-AllTraffic-")["MetricAlarms"]
    arns = {policy["PolicyName"]: policy["PolicyARN"] for policy in policies}
    assert {
        (alarm["AlarmName"].rpartition("-")[2], alarm["Threshold"], alarm["EvaluationPeriods"]) for alarm in alarms
    } == {("out", 300.0, 3), ("in", 100.0, 10)}
    assert sorted(action for alarm in alarms for action in alarm["AlarmActions"]) == sorted(arns.values())

    bare = "\n[scaling.variants.AllTraffic]\nmax_capacity = 2\n"
    deploy_scaling(client, cloudwatch, stack(folder, for_endpoint(endpoint, STACK + bare)), lambda _: None)
    assert client.describe_scaling_policies(**where)["ScalingPolicies"] == []
    assert cloudwatch.describe_alarms(AlarmNamePrefix=f"{endpoint}-AllTraffic-")["MetricAlarms"] == []


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("{ adjustment = 1 }", "{ bound = 5, adjustment = 1 }", "out.steps: each needs a bound of its own, the first"),
        ("bound = 100", "bound = 0", "out.steps: each needs a bound of its own, the first of them 0"),
        ("threshold = 300", "threshold = 0", "out.threshold: input should be greater than 0"),
        ("steps = [{ adjustment = 1 }, { bound = 100, adjustment = 3 }]", "", "out.steps: this key is required"),
    ],
)
def test_what_is_wrong_in_a_step_policy(folder: Path, old: str, new: str, sentence: str) -> None:
    assert old in STEPS
    lines = refusal(folder, STACK + STEPS.replace(old, new))
    assert any(sentence in line for line in lines), lines


def test_a_role_that_may_not_look_has_nothing_to_remove(aws: Aws, folder: Path) -> None:
    denied = aws.as_role(aws.role(), "application-autoscaling")
    deploy_scaling(denied, None, stack(folder, STACK), pytest.fail)


WRITEUPS = Path(__file__).parents[2] / "fixtures" / "writeups"


@pytest.mark.parametrize(
    ("name", "maximum", "target", "cooldown_in", "cooldown_out"),
    [("a", 3, 5, 30, 30), ("b", 3, 5, 60, 10), ("c", 4, 5, 30, 30), ("d", 3, 10, 30, 30), ("e", 3, 25, 300, 30)],
)
def test_the_write_ups_settings(name: str, maximum: int, target: float, cooldown_in: int, cooldown_out: int) -> None:
    scaling = load_stack(WRITEUPS / name / "stack.toml").scaling.variants["AllTraffic"]
    (policy,) = scaling.target_tracking.values()
    assert (scaling.min_capacity, scaling.max_capacity, policy.target_value) == (1, maximum, target)
    assert (policy.scale_in_cooldown, policy.scale_out_cooldown) == (cooldown_in, cooldown_out)


def test_a_broken_file_deploys_nothing(folder: Path) -> None:
    (folder / "stack.toml").write_text(STACK + "\n[scaling]\nvariants = 3\n")
    with pytest.raises(HarnessError, match="Nothing was deployed"):
        load_stack(folder / "stack.toml")
