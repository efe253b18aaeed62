"""Resource policies and tags. Texts and statements as recorded from AWS."""

import json
from typing import Any

import pytest

from tests.functions.conftest import ACCOUNT, REGION, Lambda, check_answer, refused

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
GRANT = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}


@pytest.mark.parametrize(
    ("more", "principal", "condition"),
    [
        (
            {"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::dogs"},
            {"Service": "s3.amazonaws.com"},
            {"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::dogs"}},
        ),
        ({"Principal": "*", "SourceAccount": ACCOUNT}, "*", {"StringEquals": {"AWS:SourceAccount": ACCOUNT}}),
        ({"Principal": ACCOUNT}, {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, None),
        ({"Principal": f"arn:aws:iam::{ACCOUNT}:user/zoe"}, {"AWS": f"arn:aws:iam::{ACCOUNT}:user/zoe"}, None),
        (
            {"Principal": "*", "FunctionUrlAuthType": "NONE"},
            "*",
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        ({"Principal": "*", "InvokedViaFunctionUrl": True}, "*", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    ],
)
async def test_a_permission_is_a_statement(
    lambda_: Lambda, more: dict[str, Any], principal: Any, condition: Any
) -> None:
    name = await lambda_.create()
    added = await lambda_("AddPermission", FunctionName=name, **GRANT | more)
    check_answer("AddPermission", added)
    expected = {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": principal,
        "Action": "lambda:InvokeFunction",
        "Resource": ARN + name,
    }
    assert json.loads(added["Statement"]) == expected | ({"Condition": condition} if condition else {})
    policy = await lambda_("GetPolicy", FunctionName=name)
    check_answer("GetPolicy", policy)
    assert json.loads(policy["Policy"]) == {
        "Version": "2012-10-17",
        "Id": "default",
        "Statement": [json.loads(added["Statement"])],
    }


async def test_each_qualifier_has_its_own_policy(lambda_: Lambda) -> None:
    name = await lambda_.create(Publish=True)
    await lambda_("AddPermission", FunctionName=name, **GRANT)
    assert (await refused(lambda_("GetPolicy", FunctionName=name, Qualifier="1"))).message == (
        "The resource you requested does not exist."
    )
    added = await lambda_("AddPermission", FunctionName=name, Qualifier="1", **GRANT)
    assert json.loads(added["Statement"])["Resource"] == f"{ARN}{name}:1"


async def test_permissions_are_removed(lambda_: Lambda) -> None:
    name = await lambda_.create()
    for identity in ("a", "b"):
        await lambda_("AddPermission", FunctionName=name, **GRANT | {"StatementId": identity})
    revision = (await lambda_("GetPolicy", FunctionName=name))["RevisionId"]
    await lambda_("RemovePermission", FunctionName=name, StatementId="a", RevisionId=revision)
    stale = await refused(lambda_("RemovePermission", FunctionName=name, StatementId="b", RevisionId=revision))
    assert (stale.status, stale.message) == (
        412,
        "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest "
        "Revision Id",
    )
    assert (await refused(lambda_("RemovePermission", FunctionName=name, StatementId="a"))).message == (
        "Statement a is not found in resource policy."
    )
    await lambda_("RemovePermission", FunctionName=name, StatementId="b")
    assert (await refused(lambda_("GetPolicy", FunctionName=name))).message == (
        "The resource you requested does not exist."
    )
    assert (await refused(lambda_("RemovePermission", FunctionName=name, StatementId="b"))).message == (
        "No policy is associated with the given resource."
    )
    assert (await refused(lambda_("RemovePermission", FunctionName="nobody", StatementId="b"))).message == (
        f"No policy found for: {ARN}nobody"
    )


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            {"Qualifier": "$LATEST"},
            "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.",
        ),
        (
            {"Principal": "nobody"},
            "InvalidParameterValueException",
            "The provided principal was invalid. Please check the principal and try again.",
        ),
        ({"Qualifier": "42"}, "ResourceNotFoundException", "Function not found: {arn}:42"),
        ({"Qualifier": "gone"}, "ResourceNotFoundException", "Cannot find alias arn: {arn}:gone"),
        (
            {"StatementId": "taken"},
            "ResourceConflictException",
            "The statement id (taken) provided already exists. Please provide a new statement id, or remove the "
            "existing statement.",
        ),
        (
            {"RevisionId": "old"},
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the "
            "latest Revision Id",
        ),
    ],
)
async def test_an_invalid_permission_is_refused(
    lambda_: Lambda, request_: dict[str, Any], code: str, message: str
) -> None:
    name = await lambda_.create()
    await lambda_("AddPermission", FunctionName=name, **GRANT | {"StatementId": "taken"})
    error = await refused(lambda_("AddPermission", FunctionName=name, **GRANT | request_))
    assert (error.code, error.message) == (code, message.format(arn=ARN + name))


async def test_tags_belong_to_functions_only(lambda_: Lambda) -> None:
    name = await lambda_.create(Tags={"team": "dogs"}, Publish=True)
    resource = {"Resource": ARN + name}
    await lambda_("TagResource", **resource, Tags={"stage": "test"})
    assert await lambda_("ListTags", **resource) == {"Tags": {"team": "dogs", "stage": "test"}}
    await lambda_("UntagResource", **resource, TagKeys=["team", "nobody"])
    assert (await lambda_("GetFunction", FunctionName=name))["Tags"] == {"stage": "test"}
    assert (await refused(lambda_("ListTags", Resource=f"{ARN}nobody"))).message == f"Function not found: {ARN}nobody"
    assert (await refused(lambda_("TagResource", Resource=f"{ARN}{name}:1", Tags={"a": "b"}))).message == (
        "Tags on function aliases and versions are not supported. Please specify a function ARN."
    )
    assert (await refused(lambda_("TagResource", **resource, Tags={}))).message == (
        "An error occurred and the request cannot be processed."
    )
    many = {str(number): "x" for number in range(50)}
    assert (await refused(lambda_("TagResource", **resource, Tags=many))).message == (
        "Number of tags exceeds resource tag limit."
    )
