"""Versions and aliases. Texts and answers as recorded from AWS."""

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from harness.core.errors import AwsError
from tests.functions.conftest import ACCOUNT, REGION, Lambda, alive, check_answer, refused, zipped

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


async def test_a_version_is_latest_as_it_was_when_it_was_published(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return context.function_version")
    published = await lambda_("PublishVersion", FunctionName=name, Description="first")
    check_answer("PublishVersion", published)
    assert (published["Version"], published["Description"]) == ("1", "first")
    assert published["FunctionArn"] == f"{ARN}{name}:1"
    await lambda_("UpdateFunctionCode", FunctionName=name, ZipFile=zipped("def handler(event, context): return 'new'"))
    assert (await lambda_.invoke(name)).payload == "new"
    answer = await lambda_.invoke(name, Qualifier="1")
    assert (answer.payload, answer.response["ExecutedVersion"]) == ("1", "1")
    assert re.search(r"START RequestId: \S+ Version: 1\n", answer.log)
    assert (await lambda_.invoke(f"{ARN}{name}:1")).payload == "1"


async def test_without_a_change_the_newest_version_is_published_again(lambda_: Lambda) -> None:
    name = await lambda_.create()
    first = await lambda_("PublishVersion", FunctionName=name)
    assert await lambda_("PublishVersion", FunctionName=name, Description="ignored") == first
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, Timeout=9)
    assert (await lambda_("PublishVersion", FunctionName=name))["Version"] == "2"
    listed = await lambda_("ListVersionsByFunction", FunctionName=name)
    check_answer("ListVersionsByFunction", listed)
    assert [each["Version"] for each in listed["Versions"]] == ["$LATEST", "1", "2"]
    assert [each["FunctionArn"] for each in listed["Versions"]][:2] == [f"{ARN}{name}:$LATEST", f"{ARN}{name}:1"]
    page = await lambda_("ListVersionsByFunction", FunctionName=name, MaxItems=2)
    rest = await lambda_("ListVersionsByFunction", FunctionName=name, Marker=page["NextMarker"])
    assert [each["Version"] for each in rest["Versions"]] == ["2"]
    everything = await lambda_("ListFunctions", FunctionVersion="ALL")
    assert [each["Version"] for each in everything["Functions"]] == ["$LATEST", "1", "2"]


async def test_a_function_may_be_published_as_it_is_created_or_changed(lambda_: Lambda) -> None:
    name = await lambda_.create(Publish=True)
    assert (await lambda_("GetFunction", FunctionName=name, Qualifier="1"))["Configuration"]["Version"] == "1"
    code = zipped("def handler(event, context): return 2")
    assert (await lambda_("UpdateFunctionCode", FunctionName=name, ZipFile=code, Publish=True))["Version"] == "2"


async def test_publishing_something_else_than_expected_is_refused(lambda_: Lambda) -> None:
    name = await lambda_.create()
    error = await refused(lambda_("PublishVersion", FunctionName=name, CodeSha256="x"))
    assert error.message.startswith("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (")
    assert (await refused(lambda_("PublishVersion", FunctionName=name, RevisionId="x"))).status == 412
    assert (await refused(lambda_("PublishVersion", FunctionName="nobody"))).status == 404


async def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(lambda_: Lambda) -> None:
    name = await lambda_.create("import os\ndef handler(event, context): return os.getpid()")
    await lambda_("PublishVersion", FunctionName=name)
    pid = (await lambda_.invoke(name, Qualifier="1")).payload
    await lambda_("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1")
    error = await refused(lambda_("DeleteFunction", FunctionName=name, Qualifier="1"))
    assert error.message == "Unable to delete version because the following aliases reference it: [live]"
    assert (await refused(lambda_("DeleteFunction", FunctionName=name, Qualifier="live"))).code == (
        "InvalidParameterValueException"
    )
    await lambda_("DeleteAlias", FunctionName=name, Name="live")
    await lambda_("DeleteFunction", FunctionName=name, Qualifier="1")
    assert not alive(pid)
    assert (await refused(lambda_.invoke(name, Qualifier="1"))).message == f"Function not found: {ARN}{name}:1"
    assert (await lambda_("PublishVersion", FunctionName=name))["Version"] == "2"


async def test_deleting_a_function_ends_its_versions(lambda_: Lambda) -> None:
    name = await lambda_.create("import os\ndef handler(event, context): return os.getpid()", Publish=True)
    pids = [(await lambda_.invoke(name, Qualifier=each)).payload for each in ("1", "$LATEST")]
    await lambda_("DeleteFunction", FunctionName=name)
    assert not any(alive(pid) for pid in pids)
    assert lambda_.service.state.deployer.pools == set()
    assert [*(lambda_.service._workspace / "code").iterdir()] == []


async def test_a_publication_that_loses_against_a_deletion_leaves_nothing(lambda_: Lambda) -> None:
    name = await lambda_.create()
    publication = asyncio.create_task(lambda_("PublishVersion", FunctionName=name))
    await asyncio.sleep(0)
    await lambda_("DeleteFunction", FunctionName=name)
    with pytest.raises(AwsError, match="Function not found"):
        await publication
    assert lambda_.service.state.deployer.pools == set()


async def two_versions(lambda_: Lambda) -> str:
    name = await lambda_.create(
        "def handler(event, context): return [context.function_version, context.invoked_function_arn]", Publish=True
    )
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, Timeout=9)
    await lambda_("PublishVersion", FunctionName=name)
    return name


async def test_an_alias_names_a_version_and_can_be_moved(lambda_: Lambda) -> None:
    name = await two_versions(lambda_)
    alias = await lambda_("CreateAlias", FunctionName=name, Name="live", FunctionVersion="1", Description="traffic")
    check_answer("CreateAlias", alias)
    assert set(alias) == {"AliasArn", "Name", "FunctionVersion", "Description", "RevisionId"}
    assert await lambda_("GetAlias", FunctionName=name, Name="live") == alias
    assert (await lambda_.invoke(name, Qualifier="live")).payload == ["1", f"{ARN}{name}:live"]
    configuration = (await lambda_("GetFunction", FunctionName=f"{name}:live"))["Configuration"]
    assert (configuration["Version"], configuration["FunctionArn"]) == ("1", f"{ARN}{name}:live")
    moved = await lambda_("UpdateAlias", FunctionName=name, Name="live", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "traffic")
    assert moved["RevisionId"] != alias["RevisionId"]
    assert (await lambda_.invoke(name, Qualifier="live")).payload[0] == "2"
    stale = lambda_("UpdateAlias", FunctionName=name, Name="live", RevisionId=alias["RevisionId"])
    assert (await refused(stale)).status == 412


async def test_an_alias_divides_requests_by_weight(lambda_: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    name = await two_versions(lambda_)
    draws = iter([0.0, 0.19, 0.2, 0.99])
    monkeypatch.setattr("harness.functions.function.random.random", lambda: next(draws))
    routing = {"AdditionalVersionWeights": {"2": 0.2}}
    alias = await lambda_("CreateAlias", FunctionName=name, Name="canary", FunctionVersion="1", RoutingConfig=routing)
    assert alias["RoutingConfig"] == routing
    seen = Counter([(await lambda_.invoke(name, Qualifier="canary")).response["ExecutedVersion"] for _ in range(4)])
    assert seen == {"2": 2, "1": 2}
    done = await lambda_(
        "UpdateAlias", FunctionName=name, Name="canary", RoutingConfig={"AdditionalVersionWeights": {}}
    )
    assert "RoutingConfig" not in done


async def test_aliases_are_listed_by_name_and_version(lambda_: Lambda) -> None:
    name = await two_versions(lambda_)
    for alias, version in (("b", "1"), ("a", "2"), ("c", "1")):
        await lambda_("CreateAlias", FunctionName=name, Name=alias, FunctionVersion=version)
    listed = await lambda_("ListAliases", FunctionName=name)
    check_answer("ListAliases", listed)
    assert [each["Name"] for each in listed["Aliases"]] == ["a", "b", "c"]
    of_first = await lambda_("ListAliases", FunctionName=name, FunctionVersion="1", MaxItems=1)
    assert ([each["Name"] for each in of_first["Aliases"]], of_first["NextMarker"]) == (["b"], "1")
    assert await lambda_("DeleteAlias", FunctionName=name, Name="nobody") == {}


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        ({"FunctionVersion": "10"}, "ResourceNotFoundException", "Function not found: {arn}:10"),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5, "2": 0.5}}},
            "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ),
        (
            {"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "InvalidParameterValueException",
            "Invalid function version 1. Function version 1 is already included in routing configuration.",
        ),
        (
            {"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"1": 0.5}}},
            "InvalidParameterValueException",
            "$LATEST is not supported for an alias pointing to more than 1 version",
        ),
        ({"Name": "taken"}, "ResourceConflictException", "Alias already exists: {arn}:taken"),
    ],
)
async def test_an_alias_that_cannot_be(lambda_: Lambda, request_: dict[str, Any], code: str, message: str) -> None:
    name = await two_versions(lambda_)
    await lambda_("CreateAlias", FunctionName=name, Name="taken", FunctionVersion="1")
    request = {"FunctionName": name, "Name": "new", "FunctionVersion": "1", **request_}
    error = await refused(lambda_("CreateAlias", **request))
    assert (error.code, error.message) == (code, message.format(arn=ARN + name))


async def test_an_alias_that_is_not_there(lambda_: Lambda) -> None:
    name = await lambda_.create()
    gone = {"FunctionName": name, "Name": "gone"}
    assert (await refused(lambda_("GetAlias", **gone))).message == f"Cannot find alias arn: {ARN}{name}:gone"
    assert (await refused(lambda_("UpdateAlias", **gone))).message == f"Alias not found: {ARN}{name}:gone"
    assert (await refused(lambda_.invoke(name, Qualifier="gone"))).message == f"Function not found: {ARN}{name}:gone"
