"""The Lambda settings of five public write-ups: each deploys from its stack file and behaves as AWS would.

Only roles and function are deployed here: what the endpoint does is tested where endpoints are.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.deploy import Deployment
from harness.invoking import administrator_session
from harness.local import Options
from harness.stack import Stack, load_stack
from tests.support import Aws, running_aws

WRITEUPS = Path(__file__).parent.parent / "fixtures" / "writeups"
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
    with running_aws(Options(port=0, provisioning_seconds=0.0)) as one:
        yield one


def writeup(key: str, folder: Path, **changes: Any) -> Stack:
    """A write-up's stack with a function that takes a second and says how its environment came about."""
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
    deployment = Deployment(stack, administrator_session(), aws.url, lambda step: None)
    deployment._roles()
    deployment._function()


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
def test_callers_at_once(hasty: Aws, tmp_path: Path, key: str, expected: dict[str, int]) -> None:
    stack = writeup(key, tmp_path)
    deploy(hasty, stack)
    assert stack.function is not None
    assert at_once(hasty, stack.function.called, sum(expected.values())) == expected
    hasty.client("lambda").delete_function(FunctionName=stack.function.name)


def test_where_all_that_is_reserved_is_provisioned_the_unpublished_version_cannot_run(
    hasty: Aws, tmp_path: Path
) -> None:
    stack = writeup("b", tmp_path)
    deploy(hasty, stack)
    assert at_once(hasty, "writeup-b", 1) == {THROTTLED: 1}
    hasty.client("lambda").delete_function(FunctionName="writeup-b")


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
    # Lower and higher than before, in whichever order that has to be done.
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=4, reserved_concurrent_executions=5))
    assert state() == ("1", 5, [4])
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=1, reserved_concurrent_executions=2))
    assert state() == ("1", 2, [1])
    deploy(hasty, writeup("a", tmp_path, timeout=9, provisioned_concurrent_executions=None))
    assert state() == ("2", 3, [])
    deploy(hasty, writeup("a", tmp_path, provisioned_concurrent_executions=None, reserved_concurrent_executions=None))
    assert state()[1:] == (None, [])
    client.delete_function(FunctionName="writeup-a")
