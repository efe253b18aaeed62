"""Invalid requests are refused as on AWS: boto3 sees the error codes and messages that were recorded from AWS.

Sources: the snapshots of LocalStack's tests that are validated against AWS. Refusals that concern one group of
operations are tested with that group; the tests here involve the gateway and several groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functions.conftest import zipped
from tests.support import ACCOUNT, REGION, Aws, unique

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
NOT_FOUND, INVALID = "ResourceNotFoundException", "InvalidParameterValueException"
GRANT = {"StatementId": "s3", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
RETIRED = (
    "The runtime parameter of {} is no longer supported for creating or updating AWS Lambda functions. We recommend "
    "you use a supported runtime while creating or updating functions."
)


@pytest.fixture(scope="module")
def client(aws: Aws) -> Any:
    return aws.client("lambda", parameter_validation=False)


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    return aws.role()


@pytest.fixture(scope="module")
def function(client: Any, role: str) -> Iterator[str]:
    """A function with version 1 and the alias live."""
    name = unique("refusals")
    client.create_function(**new(role, FunctionName=name, Publish=True))
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    yield name
    client.delete_function(FunctionName=name)


def new(role: str, **more: Any) -> dict[str, Any]:
    code = {"ZipFile": zipped("def handler(event, context): return event")}
    request = {"FunctionName": unique("new"), "Runtime": "python3.12", "Handler": "app.handler", "Code": code}
    return request | {"Role": role} | more


def refused(call: Any, **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        *(({"Runtime": runtime}, (INVALID, RETIRED.format(runtime))) for runtime in ("python3.7", "go1.x", "java8")),
        (
            {"Tags": {f"k{number}": "v" for number in range(51)}},
            (INVALID, "Number of tags exceeds resource tag limit."),
        ),
        (
            {"Code": {"ZipFile": bytes(52_625_409)}},
            (
                "RequestEntityTooLargeException",
                "Request must be smaller than 70167211 bytes for the CreateFunction operation",
            ),
        ),
        (
            {"MemorySize": 127},
            (
                "ValidationException",
                "1 validation error detected: Value '127' at 'memorySize' failed to satisfy constraint: Member must "
                "have value greater than or equal to 128",
            ),
        ),
    ],
)
def test_an_invalid_function_is_refused(
    client: Any, role: str, request_: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert refused(client.create_function, **new(role, **request_)) == expected


@pytest.mark.parametrize("runtime", ["non-existent-runtime", "PYTHON3.9"])
def test_a_runtime_that_aws_does_not_know_is_an_invalid_parameter(client: Any, role: str, runtime: str) -> None:
    code, message = refused(client.create_function, **new(role, Runtime=runtime))
    assert code == INVALID
    assert message.startswith(f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum")


def test_access_to_another_accounts_function_is_denied(client: Any, role: str) -> None:
    their_arn = f"arn:aws:lambda:{REGION}:123400000000:function:theirs"
    assert refused(client.get_function, FunctionName=their_arn) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: lambda:GetFunction on resource: {their_arn} "
        "because no resource-based policy allows the lambda:GetFunction action",
    )
    assert refused(client.invoke, FunctionName=their_arn)[1].endswith("allows the lambda:InvokeFunction action")
    assert refused(client.create_function, **new(role, FunctionName=their_arn))[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("put_function_concurrency", {"ReservedConcurrentExecutions": 1}, f"Function not found: {ARN}nobody:$LATEST"),
        ("get_function_concurrency", {}, f"Function not found: {ARN}nobody"),
        (
            "put_provisioned_concurrency_config",
            {"Qualifier": "gone", "ProvisionedConcurrentExecutions": 1},
            f"Cannot find alias arn: {ARN}nobody:gone",
        ),
        (
            "put_provisioned_concurrency_config",
            {"Qualifier": "1", "ProvisionedConcurrentExecutions": 1},
            f"Function not found: {ARN}nobody:1",
        ),
        ("list_provisioned_concurrency_configs", {}, f"Function not found: {ARN}nobody"),
        ("list_versions_by_function", {}, f"Function not found: {ARN}nobody"),
        ("create_alias", {"Name": "live", "FunctionVersion": "1"}, f"Function not found: {ARN}nobody:1"),
        ("add_permission", GRANT, f"Function not found: {ARN}nobody"),
        ("get_policy", {}, "The resource you requested does not exist."),
        ("remove_permission", {"StatementId": "s3"}, f"No policy found for: {ARN}nobody"),
        ("put_function_event_invoke_config", {"MaximumRetryAttempts": 0}, "The function doesn't exist."),
        ("update_function_event_invoke_config", {"MaximumRetryAttempts": 0}, "The function doesn't exist."),
        ("list_function_event_invoke_configs", {}, "The function doesn't exist."),
        (
            "get_function_event_invoke_config",
            {},
            f"The function {ARN}nobody:$LATEST doesn't have an EventInvokeConfig",
        ),
        ("create_function_url_config", {"AuthType": "NONE"}, "Function does not exist"),
        ("update_function_url_config", {"AuthType": "NONE"}, "Function does not exist"),
        ("list_function_url_configs", {}, "Function does not exist"),
        ("get_function_url_config", {}, "The resource you requested does not exist."),
        ("delete_function_url_config", {}, "The resource you requested does not exist."),
    ],
)
def test_each_operation_has_its_own_message_for_a_missing_function(
    client: Any, operation: str, request_: dict[str, Any], message: str
) -> None:
    assert refused(getattr(client, operation), FunctionName="nobody", **request_) == (NOT_FOUND, message)


@pytest.mark.parametrize(
    ("operation", "request_", "message"),
    [
        ("get_policy", {"Qualifier": "42"}, "The resource you requested does not exist."),
        ("get_policy", {"Qualifier": "gone"}, "The resource you requested does not exist."),
        ("remove_permission", {"Qualifier": "gone", "StatementId": "s3"}, "Cannot find alias arn: {arn}:gone"),
        ("remove_permission", {"StatementId": "s3"}, "No policy is associated with the given resource."),
        (
            "update_function_event_invoke_config",
            {"Qualifier": "live", "MaximumRetryAttempts": 0},
            "The function {arn}:live doesn't have an EventInvokeConfig",
        ),
        (
            "put_function_event_invoke_config",
            {"Qualifier": "gone", "MaximumRetryAttempts": 0},
            "The function doesn't exist.",
        ),
        ("update_function_url_config", {"AuthType": "NONE"}, "The resource you requested does not exist."),
        ("update_function_url_config", {"Qualifier": "gone", "AuthType": "NONE"}, "Function does not exist"),
        ("get_function", {"Qualifier": "gone"}, "Function not found: {arn}:gone"),
        ("get_alias", {"Name": "gone"}, "Cannot find alias arn: {arn}:gone"),
        (
            "delete_provisioned_concurrency_config",
            {"Qualifier": "gone"},
            "Cannot find alias arn: {arn}:gone",
        ),
    ],
)
def test_each_operation_has_its_own_message_for_what_the_function_lacks(
    client: Any, function: str, operation: str, request_: dict[str, Any], message: str
) -> None:
    expected = NOT_FOUND, message.format(arn=ARN + function)
    assert refused(getattr(client, operation), FunctionName=function, **request_) == expected


def test_a_policy_has_the_revision_of_its_function(client: Any, role: str) -> None:
    name = unique("revision")
    client.create_function(**new(role, FunctionName=name))

    def revision() -> str:
        return str(client.get_function(FunctionName=name)["Configuration"]["RevisionId"])

    created = revision()
    client.add_permission(FunctionName=name, **GRANT, RevisionId=created)
    assert created != revision() == client.get_policy(FunctionName=name)["RevisionId"]
    stale = refused(client.remove_permission, FunctionName=name, StatementId="s3", RevisionId=created)
    assert stale[0] == "PreconditionFailedException"
    assert stale[1].endswith("Call the GetPolicy API to retrieve the latest Revision Id")
    granted = revision()
    client.remove_permission(FunctionName=name, StatementId="s3", RevisionId=granted)
    assert revision() != granted
    client.delete_function(FunctionName=name)
