"""Five public write-ups: each deploys from its stack file, answers as printed in it, throttles and scales as on AWS,
and is judged by `harness policy check`.

The instances are twins that answer with 133 numbers; test_stack.py has the real model.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from harness.cli.access_history import read_history
from harness.cli.main import main
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack
from harness.testing.clock import HarnessClock
from harness.testing.stacks import twins_for_tests
from tests.access.rules.advice.writeups import arn, findings
from tests.support import Aws, running_aws

WRITEUPS = Path(__file__).parents[2] / "fixtures" / "writeups"
SLOW = """
import os, time
def lambda_handler(event, context):
    time.sleep(1)
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
WARM, COLD, THROTTLED = "provisioned-concurrency", "on-demand", "ReservedFunctionConcurrentInvocationLimitExceeded"


@pytest.fixture(scope="module")
def hasty() -> Iterator[Aws]:
    """A local AWS that provisions at once."""
    with running_aws(LocalAwsOptions(port=0, provisioning_seconds=0.0)) as aws:
        yield aws


def writeup(key: str, folder: Path, **changes: Any) -> Stack:
    """A write-up's stack with a function that takes a second and answers with how its environment was initialized."""
    stack = load_stack(WRITEUPS / key / "stack.toml")
    code = folder / "lambda_function.py"
    if not code.exists():  # a new time of the same file would be new code
        code.write_text(SLOW)
    assert stack.function is not None
    function = stack.function.model_copy(update={"code": code, **changes})
    changed = stack.model_copy(update={"function": function})
    changed._folder = stack.folder
    return changed


def deploy(aws: Aws, stack: Stack) -> None:
    deployment = StackDeployment(stack, administrator_session(), aws.url, lambda step: None)
    deployment.deploy_roles()
    deployment.deploy_function()


def at_once(aws: Aws, function: str, callers: int) -> Counter[str]:
    client = aws.client("lambda", max_pool_connections=callers)

    def call(_: int) -> str:
        try:
            return str(json.loads(client.invoke(FunctionName=function)["Payload"].read()))
        except client.exceptions.TooManyRequestsException as error:
            return str(error.response["Reason"])

    with ThreadPoolExecutor(callers) as threads:
        return Counter(threads.map(call, range(callers)))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a", {WARM: 1, COLD: 2, THROTTLED: 1}),
        ("b", {WARM: 2, THROTTLED: 1}),
        ("c", {WARM: 5, COLD: 1}),
        ("d", {WARM: 3, COLD: 1}),
        ("e", {WARM: 3, COLD: 2, THROTTLED: 1}),
    ],
)
@pytest.mark.unmeasured
def test_callers_at_once(hasty: Aws, tmp_path: Path, key: str, expected: dict[str, int]) -> None:
    stack = writeup(key, tmp_path)
    deploy(hasty, stack)
    assert stack.function is not None
    assert at_once(hasty, stack.function.qualified_name, sum(expected.values())) == expected
    hasty.client("lambda").delete_function(FunctionName=stack.function.name)


def test_the_unpublished_version_cannot_run_if_all_reserved_concurrency_is_provisioned(
    hasty: Aws, tmp_path: Path
) -> None:
    stack = writeup("b", tmp_path)
    deploy(hasty, stack)
    assert at_once(hasty, "writeup-b", 1) == {THROTTLED: 1}
    hasty.client("lambda").delete_function(FunctionName="writeup-b")


@pytest.mark.unmeasured
def test_deploying_again_brings_concurrency_up_to_date(hasty: Aws, tmp_path: Path) -> None:
    client = hasty.client("lambda")

    def state() -> tuple[str, int | None, list[int]]:
        configs = client.list_provisioned_concurrency_configs(FunctionName="writeup-a")["ProvisionedConcurrencyConfigs"]
        return (
            client.get_alias(FunctionName="writeup-a", Name="live")["FunctionVersion"],
            client.get_function_concurrency(FunctionName="writeup-a").get("ReservedConcurrentExecutions"),
            [config["RequestedProvisionedConcurrentExecutions"] for config in configs],
        )

    deploy(hasty, writeup("a", tmp_path))
    assert state() == ("1", 3, [1])
    deploy(hasty, writeup("a", tmp_path))
    assert state() == ("1", 3, [1])  # nothing has changed
    # Lower and higher than before: each needs the two calls in another order.
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=4, reserved_concurrent_executions=5))
    assert state() == ("1", 5, [4])
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=1, reserved_concurrent_executions=2))
    assert state() == ("1", 2, [1])
    deploy(hasty, writeup("a", tmp_path, timeout=9, provisioned_concurrent_executions=None))
    assert state() == ("2", 3, [])
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=None, reserved_concurrent_executions=None))
    assert state()[1:] == (None, [])
    client.delete_function(FunctionName="writeup-a")


SCORES = [[round(-3 + number / 50, 6) for number in range(133)]]
"""The network's answer: one row of 133 numbers, one for each breed."""


@pytest.fixture(scope="module", params=["a", "b", "c", "d", "e"])
def whole(hasty: Aws, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """A write-up's whole stack, deployed."""
    stack = load_stack(WRITEUPS / request.param / "stack.toml")
    twins = twins_for_tests(stack, tmp_path_factory.mktemp("twins"), SCORES)
    # All five have an endpoint of the same name. The alarms must no longer see the requests to the one before.
    HarnessClock(hasty.url).advance(600)
    StackDeployment(twins, administrator_session(), hasty.url, lambda step: None).run(build=False)
    return stack


def test_the_response_is_as_it_was_printed(hasty: Aws, whole: Stack) -> None:
    """statusCode, headers, type-result, COntent-Type-In, body: a JSON string of [[133 numbers]]. E spells one key
    Content-Type-In; of A only statusCode and body are known."""
    assert whole.function is not None
    assert whole.function.event is not None
    event = whole.path(whole.function.event).read_bytes()
    answer = hasty.client("lambda").invoke(FunctionName=whole.function.qualified_name, Payload=event)
    assert "FunctionError" not in answer
    response = json.loads(answer["Payload"].read())
    context = "Content-Type-In" if whole.name == "writeup-e" else "COntent-Type-In"
    assert set(response) == {"statusCode", "headers", "type-result", context, "body"}
    assert response["statusCode"] == 200
    assert response["headers"] == {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "*"}
    assert response["type-result"] == "<class 'str'>"
    assert response[context].startswith("LambdaContext([aws_request_id=")
    assert f"function_name={whole.function.name}," in response[context]
    assert isinstance(response["body"], str)
    assert json.loads(response["body"]) == SCORES
    assert [len(row) for row in json.loads(response["body"])] == [133]


STATED = {  # minimum, maximum, target, cooldowns in and out; where a write-up states none, the stack file's
    "writeup-a": (1, 3, 5, 30, 30),
    "writeup-b": (1, 3, 5, 60, 10),
    "writeup-c": (1, 4, 5, 30, 30),
    "writeup-d": (1, 3, 10, 30, 30),
    "writeup-e": (1, 3, 25, 300, 30),
}


@pytest.mark.unmeasured
def test_it_scales_by_invocations_a_minute_out_to_its_maximum(hasty: Aws, whole: Stack) -> None:
    """It scales by invocations a minute, though two write-ups say by concurrent requests.

    Requests that are sent one at a time are enough, if for AlarmHigh's three minutes they are a third more than the
    target of the maximum of instances."""
    least, most, target, cooldown_in, cooldown_out = STATED[whole.name]
    scaling, sagemaker = hasty.client("application-autoscaling"), hasty.client("sagemaker")
    resource = {"ServiceNamespace": "sagemaker", "ResourceId": "endpoint/dog-breed-endpoint/variant/AllTraffic"}
    (policy,) = scaling.describe_scaling_policies(**resource)["ScalingPolicies"]
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    (bounds,) = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[resource["ResourceId"]]
    )["ScalableTargets"]  # fmt: skip
    assert (bounds["MinCapacity"], bounds["MaxCapacity"]) == (least, most)
    assert (tracking["TargetValue"], tracking["ScaleInCooldown"], tracking["ScaleOutCooldown"]) == (
        target, cooldown_in, cooldown_out,
    )  # fmt: skip
    runtime, clock = hasty.client("sagemaker-runtime"), HarnessClock(hasty.url)

    def instances() -> int:
        (variant,) = sagemaker.describe_endpoint(EndpointName="dog-breed-endpoint")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    assert instances() == least
    began = clock.now()
    for _ in range(30):  # on a busy machine a minute may pass in which little was asked
        for _ in range(round(target * most * 4 / 3)):
            runtime.invoke_endpoint(EndpointName="dog-breed-endpoint", Body=b"{}")
        clock.advance(60, speed=60)
        if instances() > least:
            assert clock.now() - began > 120
        if instances() == most:
            break
    assert instances() == most


def test_its_calls_lead_to_the_expected_findings(hasty: Aws, whole: Stack) -> None:
    assert whole.function is not None
    event = whole.path(whole.function.event or "").read_bytes()
    answer = hasty.client("lambda").invoke(FunctionName=whole.function.qualified_name, Payload=event)
    assert "FunctionError" not in answer
    seen = read_history(hasty.url)
    expected = json.loads((WRITEUPS / whole.name[-1] / "findings.json").read_text())
    assert findings(seen, arn(whole.function.role)) == expected


def test_policy_check_reports_the_findings(hasty: Aws, whole: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit status is 0, because nothing was denied. All five grant more than was used."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", hasty.url)
    result = CliRunner().invoke(main, ["policy", "check", str(WRITEUPS / whole.name[-1] / "stack.toml"), "--live"])
    assert result.exit_code == 0, result.output
    for policy in json.loads((WRITEUPS / whole.name[-1] / "findings.json").read_text())["never_used"]:
        assert policy[:40] in result.output  # a long name goes on in the next line of its cell
    assert "never" in result.output
