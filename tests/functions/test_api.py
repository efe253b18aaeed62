"""The API without its invocations."""

import asyncio
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.backend.client import Backend
from harness.core.errors import AwsError
from tests.functions.conftest import ACCOUNT, REGION, ROLE, Lambda, alive, check_answer, make_call, make_service, zipped

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


async def test_a_created_function_is_active_and_found(lambda_: Lambda) -> None:
    name = await lambda_.create(Tags={"team": "dogs"}, Description="breeds")
    found = await lambda_("GetFunction", FunctionName=f"{ARN}{name}")
    check_answer("GetFunction", found)
    configuration = found["Configuration"]
    assert (configuration["State"], configuration["LastUpdateStatus"]) == ("Active", "Successful")
    assert found["Tags"] == {"team": "dogs"}
    qualified = await lambda_("GetFunctionConfiguration", FunctionName=name, Qualifier="$LATEST")
    assert qualified == configuration | {"FunctionArn": f"{ARN}{name}:$LATEST"}
    check_answer("GetFunctionConfiguration", configuration)


async def test_the_link_to_the_code_leads_to_the_package(lambda_: Lambda) -> None:
    for region in ("us-east-1", "eu-west-1"):
        code = zipped(f"region = {region!r}")
        request = {"FunctionName": "linked", "Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE}
        await lambda_("CreateFunction", region=region, **request, Code={"ZipFile": code})
        for _ in range(2):
            found = (await lambda_("GetFunction", region=region, FunctionName="linked"))["Code"]
            assert found["RepositoryType"] == "S3"
            with await asyncio.to_thread(urllib.request.urlopen, found["Location"]) as answer:
                assert answer.read() == code


async def test_a_name_is_taken_once(lambda_: Lambda) -> None:
    name = await lambda_.create()
    with pytest.raises(AwsError) as caught:
        await lambda_.create(FunctionName=name)
    assert (caught.value.code, caught.value.status) == ("ResourceConflictException", 409)
    assert caught.value.message == f"Function already exist: {name}"
    assert caught.value.fields == {"Type": "User"}


async def test_of_two_creations_at_once_one_wins(lambda_: Lambda) -> None:
    both = await asyncio.gather(*(lambda_.create(FunctionName="race") for _ in range(2)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in both) == ["AwsError", "str"]


@pytest.mark.parametrize(
    "operation", ["GetFunction", "GetFunctionConfiguration", "UpdateFunctionConfiguration", "Invoke"]
)
async def test_an_unknown_function_is_not_found_by_its_arn(lambda_: Lambda, operation: str) -> None:
    for more, arn in (({}, f"{ARN}nobody"), ({"Qualifier": "$LATEST"}, f"{ARN}nobody:$LATEST")):
        with pytest.raises(AwsError) as caught:
            await lambda_(operation, FunctionName="nobody", **more)
        assert (caught.value.code, caught.value.status) == ("ResourceNotFoundException", 404)
        assert (caught.value.message, caught.value.fields) == (f"Function not found: {arn}", {"Type": "User"})


async def test_a_version_that_was_never_published_is_not_found(lambda_: Lambda) -> None:
    name = await lambda_.create()
    with pytest.raises(AwsError, match=f"Function not found: {ARN}{name}:1221"):
        await lambda_("GetFunction", FunctionName=name, Qualifier="1221")


async def test_functions_of_another_region_are_others(lambda_: Lambda) -> None:
    name = await lambda_.create()
    with pytest.raises(AwsError, match="Function not found: arn:aws:lambda:eu-west-1"):
        await lambda_("GetFunction", region="eu-west-1", FunctionName=name)


async def test_new_code_answers_the_next_request_and_ends_the_idle_environment(lambda_: Lambda) -> None:
    name = await lambda_.create("import os\ndef handler(event, context): return os.getpid()")
    pid = (await lambda_.invoke(name)).payload
    before = await lambda_("GetFunctionConfiguration", FunctionName=name)
    code = zipped("def handler(event, context): return 'new'")
    dry = await lambda_("UpdateFunctionCode", FunctionName=name, ZipFile=code, DryRun=True)
    assert await lambda_("GetFunctionConfiguration", FunctionName=name) == before
    after = await lambda_("UpdateFunctionCode", FunctionName=name, ZipFile=code)
    check_answer("UpdateFunctionCode", after)
    assert after["CodeSha256"] == dry["CodeSha256"] != before["CodeSha256"]
    assert after["CodeSize"] == len(code)
    assert after["RevisionId"] != before["RevisionId"]
    assert not alive(pid)
    assert (await lambda_.invoke(name)).payload == "new"


async def test_a_busy_environment_finishes_before_an_update_ends_it(lambda_: Lambda) -> None:
    name = await lambda_.create(
        "import os, time\ndef handler(event, context):\n    time.sleep(0.5)\n    return os.getpid()"
    )
    busy = asyncio.create_task(lambda_.invoke(name))
    await asyncio.sleep(0.2)
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, Description="new", Timeout=9)
    other = await lambda_.invoke(name)
    old = (await busy).payload
    assert other.payload != old
    assert not alive(old)
    assert len(lambda_.service.state.deployer.pools) == 1


async def test_code_is_there_for_a_request_that_came_just_before_the_update(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return 'old'")
    request = asyncio.create_task(lambda_.invoke(name))
    await asyncio.sleep(0)
    await lambda_("UpdateFunctionCode", FunctionName=name, ZipFile=zipped("def handler(event, context): return 'new'"))
    assert (await request).payload == "old"
    assert len(list((lambda_.service._workspace / "code").iterdir())) == 1


async def test_a_changed_configuration_reaches_the_function(lambda_: Lambda) -> None:
    name = await lambda_.create("import os\ndef handler(event, context): return os.environ['MODE']")
    variables = {"Variables": {"MODE": "fast"}}
    answer = await lambda_("UpdateFunctionConfiguration", FunctionName=name, Environment=variables, Role=ROLE)
    check_answer("UpdateFunctionConfiguration", answer)
    assert answer["Environment"] == variables
    assert (await lambda_.invoke(name)).payload == "fast"
    with pytest.raises(AwsError, match="cannot be assumed by Lambda"):
        await lambda_("UpdateFunctionConfiguration", FunctionName=name, Role=f"arn:aws:iam::{ACCOUNT}:role/for-ec2")


async def test_an_update_of_an_old_revision_is_refused(lambda_: Lambda) -> None:
    name = await lambda_.create()
    for operation, more in (
        ("UpdateFunctionConfiguration", {"Description": "x"}),
        ("UpdateFunctionCode", {"ZipFile": b""}),
    ):
        with pytest.raises(AwsError, match="Revision Id provided does not match the latest") as caught:
            await lambda_(operation, FunctionName=name, RevisionId="old", **more)
        assert (caught.value.code, caught.value.status) == ("PreconditionFailedException", 412)


async def test_a_deleted_function_is_gone_with_its_files_and_processes(lambda_: Lambda) -> None:
    name = await lambda_.create("import os\ndef handler(event, context): return os.getpid()")
    pid = (await lambda_.invoke(name)).payload
    with pytest.raises(AwsError, match=r"\$LATEST version cannot be deleted without deleting the function"):
        await lambda_("DeleteFunction", FunctionName=name, Qualifier="$LATEST")
    assert await lambda_("DeleteFunction", FunctionName=name) == {"StatusCode": 204}
    assert not alive(pid)
    assert [*(lambda_.service._workspace / "code").iterdir()] == []
    with pytest.raises(AwsError, match=f"Function not found: {ARN}{name}$"):
        await lambda_("DeleteFunction", FunctionName=name)
    await lambda_.create(FunctionName=name)


async def test_an_update_that_loses_against_a_deletion_leaves_nothing(lambda_: Lambda) -> None:
    name = await lambda_.create()
    update = asyncio.create_task(lambda_("UpdateFunctionConfiguration", FunctionName=name, Timeout=9))
    await asyncio.sleep(0)
    await lambda_("DeleteFunction", FunctionName=name)
    with pytest.raises(AwsError, match="Function not found"):
        await update
    assert lambda_.service.state.deployer.pools == set()


async def test_functions_are_listed_by_name_in_pages(lambda_: Lambda) -> None:
    for number in range(3):
        await lambda_.create(FunctionName=f"listed-{number}")
    first = await lambda_("ListFunctions", MaxItems=2)
    check_answer("ListFunctions", first)
    assert [function["FunctionName"] for function in first["Functions"]] == ["listed-0", "listed-1"]
    second = await lambda_("ListFunctions", MaxItems=2, Marker=first["NextMarker"])
    assert [function["FunctionName"] for function in second["Functions"]] == ["listed-2"]
    assert "NextMarker" not in second
    assert await lambda_("ListFunctions", region="eu-west-1") == {"Functions": []}


async def test_a_refused_creation_leaves_nothing(lambda_: Lambda) -> None:
    for more in ({"Role": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, {"MemorySize": 1}, {"Layers": ["x"]}):
        with pytest.raises(AwsError):
            await lambda_.create(FunctionName="refused", **more)
    with pytest.raises(AwsError, match="Could not unzip uploaded file"):
        await lambda_.create(b"no zip", FunctionName="refused")
    assert lambda_.service.state.functions.by_key == {}
    assert [*lambda_.service._workspace.rglob("*.py")] == []


def test_what_a_request_is_authorized_on(tmp_path: Path) -> None:
    service = make_service(Backend("http://127.0.0.1:1"), tmp_path)

    def resources(operation: str, **request: Any) -> list[str]:
        return list(service.resources(operation, request, make_call(operation)))

    assert resources("ListFunctions") == ["*"]
    assert resources("CreateFunction", FunctionName="dog") == [f"{ARN}dog"]
    assert resources("Invoke", FunctionName="dog") == [f"{ARN}dog"]
    assert resources("Invoke", FunctionName=f"{ACCOUNT}:function:dog", Qualifier="live") == [f"{ARN}dog:live"]
    assert resources("Invoke", FunctionName="a b") == [f"{ARN}a b"]
    assert resources("Invoke", FunctionName="arn:aws:lambda:eu-west-1:123456789012:function:dog") == [
        "arn:aws:lambda:eu-west-1:123456789012:function:dog"
    ]
    assert not service.delegates("PublishVersion")


async def test_an_environment_that_cannot_be_started_is_lambdas_fault(
    lambda_: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_arguments: Any, **_options: Any) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    name = await lambda_.create()
    before = psutil.Process().num_fds()
    with monkeypatch.context() as patched:
        patched.setattr("harness.functions.process.subprocess.Popen", no_room)
        with pytest.raises(AwsError, match="No execution environment could be started: Resource temporarily") as caught:
            await lambda_.invoke(name)
    assert caught.value.status == 500
    await asyncio.sleep(0.05)
    assert psutil.Process().num_fds() <= before + 1  # a connection to the backend may stay open
    assert (await lambda_.invoke(name, 1)).payload == 1
