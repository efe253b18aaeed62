"""Reserved and provisioned concurrency: set, answered, and felt by callers. Texts as recorded from AWS."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from harness.backend.client import Backend
from harness.core.clock import VirtualClock
from harness.functions.rules.concurrency import PREPARATION_SECONDS
from harness.functions.rules.names import FunctionReference
from tests.functions.conftest import (
    ACCOUNT,
    REGION,
    Lambda,
    alive,
    check_answer,
    eventually,
    make_service,
    refused,
    running,
)

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
KIND = """
import os, time
def handler(event, context):
    time.sleep(event or 0)
    return [os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], os.getpid()]
"""


@pytest.fixture
async def timed(backend: Backend, tmp_path: Path) -> AsyncIterator[Lambda]:
    """A service whose time the test moves."""
    clock = VirtualClock(1_000_000)
    async with running(make_service(backend, tmp_path / "timed", clock), backend) as one:
        yield one


async def advance(lambda_: Lambda, seconds: float) -> None:
    clock = lambda_.service._clock
    assert isinstance(clock, VirtualClock)
    await clock.advance(seconds)


async def provision(lambda_: Lambda, name: str, qualifier: str, executions: int) -> None:
    """Ask for provisioned concurrency and wait until it serves."""
    request = {"FunctionName": name, "Qualifier": qualifier}
    await lambda_("PutProvisionedConcurrencyConfig", **request, ProvisionedConcurrentExecutions=executions)
    await settle(lambda_, name, qualifier)


async def settle(
    lambda_: Lambda, name: str, qualifier: str, seconds: float = PREPARATION_SECONDS + 1
) -> dict[str, Any]:
    await advance(lambda_, seconds)
    reference = FunctionReference(ACCOUNT, REGION, name, qualifier)

    def settled() -> bool:
        config = lambda_.service.provisioned_concurrency(reference)
        return config is not None and config.current.status != "IN_PROGRESS"

    await eventually(settled)
    return await lambda_("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier=qualifier)


async def test_reserved_concurrency_is_set_answered_and_removed(lambda_: Lambda) -> None:
    name = await lambda_.create()
    assert await lambda_("GetFunctionConcurrency", FunctionName=name) == {}
    done = await lambda_("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=900)
    assert done == {"ReservedConcurrentExecutions": 900}
    assert await lambda_("GetFunctionConcurrency", FunctionName=f"{ARN}{name}") == done
    assert (await lambda_("GetFunction", FunctionName=name))["Concurrency"] == done
    settings = await lambda_("GetAccountSettings")
    check_answer("GetAccountSettings", settings)
    assert settings["AccountLimit"] == {
        "TotalCodeSize": 80_530_636_800,
        "CodeSizeUnzipped": 262_144_000,
        "CodeSizeZipped": 52_428_800,
        "ConcurrentExecutions": 1_000,
        "UnreservedConcurrentExecutions": 100,
    }
    assert settings["AccountUsage"]["FunctionCount"] == 1
    assert settings["AccountUsage"]["TotalCodeSize"] > 0
    await lambda_("DeleteFunctionConcurrency", FunctionName=name)
    assert await lambda_("GetFunctionConcurrency", FunctionName=name) == {}
    assert (await lambda_("GetAccountSettings"))["AccountLimit"]["UnreservedConcurrentExecutions"] == 1_000


async def test_a_deleted_function_gives_its_reserved_concurrency_back(lambda_: Lambda) -> None:
    name = await lambda_.create()
    await lambda_("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=900)
    await lambda_("DeleteFunction", FunctionName=name)
    assert (await lambda_("GetAccountSettings"))["AccountLimit"]["UnreservedConcurrentExecutions"] == 1_000


async def test_what_cannot_be_reserved(lambda_: Lambda) -> None:
    name = await lambda_.create(Publish=True)
    error = await refused(lambda_("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=901))
    assert (error.code, error.message) == (
        "InvalidParameterValueException",
        "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below "
        "its minimum value of [100].",
    )
    error = await refused(lambda_("PutFunctionConcurrency", FunctionName=f"{name}:1", ReservedConcurrentExecutions=1))
    assert error.message == (
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN."
    )
    error = await refused(lambda_("PutFunctionConcurrency", FunctionName="nobody", ReservedConcurrentExecutions=1))
    assert (error.code, error.message) == ("ResourceNotFoundException", f"Function not found: {ARN}nobody:$LATEST")


async def test_a_function_that_reserves_nothing_is_stopped(lambda_: Lambda) -> None:
    name = await lambda_.create()
    await lambda_("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=0)
    error = await refused(lambda_.invoke(name))
    assert (error.code, error.status, error.message) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    assert error.fields == {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
    assert "Retry-After" in error.headers


async def test_provisioned_concurrency_is_there_after_a_minute_or_two(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    request = {"FunctionName": name, "Qualifier": "1"}
    put = await timed("PutProvisionedConcurrencyConfig", **request, ProvisionedConcurrentExecutions=2)
    check_answer("PutProvisionedConcurrencyConfig", put)
    put.pop("LastModified")
    assert put == {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "AvailableProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
    }
    await advance(timed, PREPARATION_SECONDS - 1)
    assert (await timed("GetProvisionedConcurrencyConfig", **request))["Status"] == "IN_PROGRESS"
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "on-demand"
    ready = await settle(timed, name, "1", 2)
    check_answer("GetProvisionedConcurrencyConfig", ready)
    assert (ready["Status"], ready["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "provisioned-concurrency"
    assert (await timed.invoke(name)).payload[0] == "on-demand"
    listed = await timed("ListProvisionedConcurrencyConfigs", FunctionName=name)
    check_answer("ListProvisionedConcurrencyConfigs", listed)
    assert [each["FunctionArn"] for each in listed["ProvisionedConcurrencyConfigs"]] == [f"{ARN}{name}:1"]


async def test_reserved_3_and_provisioned_1_give_four_callers_one_warm_two_cold_and_one_429(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    await timed("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=3)
    await provision(timed, name, "1", 1)
    calls = [asyncio.create_task(timed.invoke(name, 0.5, Qualifier="1")) for _ in range(4)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    kinds = Counter(str(each) if isinstance(each, Exception) else each.payload[0] for each in answers)
    assert kinds == {
        "provisioned-concurrency": 1,
        "on-demand": 2,
        "TooManyRequestsException: Rate Exceeded.": 1,
    }


async def test_provisioned_concurrency_that_adds_up_to_reserved_stops_latest(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    await provision(timed, name, "1", 2)
    error = await refused(timed("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=1))
    assert error.message == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2]."
    )
    await timed("PutFunctionConcurrency", FunctionName=name, ReservedConcurrentExecutions=2)
    error = await refused(timed.invoke(name))
    assert error.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "provisioned-concurrency"
    error = await refused(
        timed("PutProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=3)
    )
    assert error.message == (
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
    )


async def test_provisioned_concurrency_is_changed_and_deleted(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    await provision(timed, name, "1", 2)
    (pool,) = (pool for pool in timed.service.state.deployer.pools if pool.configuration.version == "1")
    assert len(pool.environments) == 2
    # Fewer are there at once; for more, those that serve go on while the others are prepared.
    one = await timed(
        "PutProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )
    assert one["AvailableProvisionedConcurrentExecutions"] == 1
    await eventually(lambda: len(pool.environments) == 1)
    three = await timed(
        "PutProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=3
    )
    assert (three["Status"], three["AvailableProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 1)
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "provisioned-concurrency"
    assert (await settle(timed, name, "1"))["AvailableProvisionedConcurrentExecutions"] == 3
    await timed("DeleteProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1")
    assert pool.environments == []
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "on-demand"
    error = await refused(timed("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1"))
    assert (error.code, error.status) == ("ProvisionedConcurrencyConfigNotFoundException", 404)
    assert error.message == "No Provisioned Concurrency Config found for this function"
    assert (await timed("GetAccountSettings"))["AccountLimit"]["UnreservedConcurrentExecutions"] == 1_000


async def test_an_alias_and_its_version_share_provisioned_environments_which_move_with_the_alias(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    await timed("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1")
    await provision(timed, name, "live", 1)
    for qualifier in ("live", "1"):
        assert (await timed.invoke(name, Qualifier=qualifier)).payload[0] == "provisioned-concurrency"
    await timed("UpdateFunctionConfiguration", FunctionName=name, Timeout=9)
    await timed("PublishVersion", FunctionName=name)
    await timed("UpdateAlias", FunctionName=name, Name="live", FunctionVersion="2")
    moving = await timed("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier="live")
    assert (moving["Status"], moving["AllocatedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 1)
    assert (await timed("GetAccountSettings"))["AccountLimit"]["UnreservedConcurrentExecutions"] == 999
    assert (await settle(timed, name, "live"))["AllocatedProvisionedConcurrentExecutions"] == 1
    assert (await timed.invoke(name, Qualifier="live")).payload[0] == "provisioned-concurrency"
    assert (await timed.invoke(name, Qualifier="1")).payload[0] == "on-demand"
    await timed("DeleteAlias", FunctionName=name, Name="live")
    assert await timed("ListProvisionedConcurrencyConfigs", FunctionName=name) == {"ProvisionedConcurrencyConfigs": []}
    assert (await timed.invoke(name, Qualifier="2")).payload[0] == "on-demand"


async def test_a_version_is_provisioned_by_one_qualifier_only(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    for alias in ("live", "other"):
        await timed("CreateAlias", FunctionName=name, Name=alias, FunctionVersion="1")

    async def put(qualifier: str) -> dict[str, Any]:
        request = {"FunctionName": name, "Qualifier": qualifier}
        return await timed("PutProvisionedConcurrencyConfig", **request, ProvisionedConcurrentExecutions=1)

    await put("1")
    error = await refused(put("live"))
    assert (error.code, error.message) == (
        "ResourceConflictException",
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    await timed("DeleteProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1")
    await put("live")
    assert (await refused(put("1"))).message == "Version is pointed by a Provisioned Concurrency alias"
    await put("live")


@pytest.mark.parametrize(
    ("operation", "qualifier", "message"),
    [
        ("Get", "$LATEST", "The function resource provided must be an alias or a published version."),
        ("Put", "$LATEST", "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("Put", "latest", "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("Get", "gone", "Cannot find alias arn: {arn}:gone"),
        ("Put", "gone", "Cannot find alias arn: {arn}:gone"),
        ("Delete", "7", "Function not found: {arn}:7"),
    ],
)
async def test_what_cannot_be_provisioned(lambda_: Lambda, operation: str, qualifier: str, message: str) -> None:
    name = await lambda_.create()
    await lambda_("CreateAlias", FunctionName=name, Name="latest", FunctionVersion="$LATEST")
    request: dict[str, Any] = {"FunctionName": name, "Qualifier": qualifier}
    if operation == "Put":
        request["ProvisionedConcurrentExecutions"] = 1
    error = await refused(lambda_(f"{operation}ProvisionedConcurrencyConfig", **request))
    assert error.message == message.format(arn=ARN + name)


@pytest.mark.parametrize(
    ("executions", "message"),
    [
        (1_001, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."),
        (
            901,
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            "minimum value of [100].",
        ),
    ],
)
async def test_more_than_the_account_has_is_not_provisioned(lambda_: Lambda, executions: int, message: str) -> None:
    name = await lambda_.create(Publish=True)
    request = {"FunctionName": name, "Qualifier": "1", "ProvisionedConcurrentExecutions": executions}
    assert (await refused(lambda_("PutProvisionedConcurrencyConfig", **request))).message == message


async def test_code_that_cannot_be_initialized_fails_to_be_provisioned(timed: Lambda) -> None:
    name = await timed.create("raise RuntimeError('no')", Publish=True)
    await timed("PutProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1)
    failed = await settle(timed, name, "1")
    failed.pop("LastModified")
    assert failed == {
        "RequestedProvisionedConcurrentExecutions": 1,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "AvailableProvisionedConcurrentExecutions": 0,
        "Status": "FAILED",
        "StatusReason": "FUNCTION_ERROR_INIT_FAILURE",
    }
    # It holds nothing of the account's, and can be asked for again.
    assert (await timed("GetAccountSettings"))["AccountLimit"]["UnreservedConcurrentExecutions"] == 1_000
    await provision(timed, name, "1", 2)
    assert (await timed("GetProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1"))["Status"] == "FAILED"
    await timed("DeleteProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1")


async def test_a_provisioned_environment_that_dies_is_replaced(timed: Lambda) -> None:
    name = await timed.create("import os\ndef handler(event, context): os._exit(1)", Publish=True)
    await provision(timed, name, "1", 1)
    (pool,) = (pool for pool in timed.service.state.deployer.pools if pool.configuration.version == "1")
    (before,) = pool.environments
    assert (await timed.invoke(name, Qualifier="1")).error == "Unhandled"
    await eventually(lambda: [each.idle for each in pool.environments] == [True])
    assert pool.environments != [before]
    assert pool.cold_starts == 0


async def test_a_service_that_ends_leaves_nothing_half_provisioned(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    await provision(timed, name, "1", 1)
    pid = (await timed.invoke(name, Qualifier="1")).payload[1]
    await timed("PutProvisionedConcurrencyConfig", FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=9)
    await timed.service.close()
    assert not alive(pid)
    assert not timed.service._workspace.exists()


async def test_what_auto_scaling_asks_and_sets(timed: Lambda) -> None:
    name = await timed.create(KIND, Publish=True)
    service, reference = timed.service, FunctionReference(ACCOUNT, REGION, name, "1")
    assert service.provisioned_concurrency(reference) is None
    config = service.set_provisioned_concurrency(reference, 2)
    assert (config.requested, config.current.concurrency.utilization) == (2, None)
    await settle(timed, name, "1")
    call = asyncio.create_task(timed.invoke(name, 0.3, Qualifier="1"))
    await asyncio.sleep(0.05)
    assert config.current.concurrency.utilization == 0.5
    await call
    with pytest.raises(Exception, match="Function not found"):
        service.set_provisioned_concurrency(FunctionReference(ACCOUNT, REGION, "nobody", "1"), 1)


async def test_an_environment_that_nobody_calls_ends(timed: Lambda) -> None:
    name = await timed.create(KIND)
    first = (await timed.invoke(name)).payload[1]
    await advance(timed, 400)
    assert (await timed.invoke(name)).payload[1] == first
    await advance(timed, 400)
    assert alive(first)
    await advance(timed, 300)
    await eventually(lambda: not alive(first))
    assert (await timed.invoke(name)).payload[1] != first
