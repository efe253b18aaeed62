"""Settings of asynchronous invocations, and destinations in the backend. Messages and records as recorded from AWS."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.functions import asynchronous
from tests.functions.conftest import ACCOUNT, REGION, Lambda, check_answer, eventually, refused

ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"
FAILS = "def handler(event, context): raise ValueError('no such dog')"
NOBODY: dict[str, Any] = {"OnSuccess": {}, "OnFailure": {}}


async def queue(lambda_: Lambda, name: str) -> tuple[str, str]:
    """Create a queue; its ARN and URL."""
    url = (await lambda_.backend.call("sqs", "create_queue", QueueName=name))["QueueUrl"]
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}", url


async def message(lambda_: Lambda, url: str) -> dict[str, Any]:
    """Wait for a message in a queue."""
    for _ in range(100):
        answer = await lambda_.backend.call(
            "sqs", "receive_message", QueueUrl=url, WaitTimeSeconds=0, MessageAttributeNames=["All"]
        )
        for received in answer.get("Messages", ()):
            return dict(received)
        await asyncio.sleep(0.05)
    raise AssertionError("no message came")


async def test_settings_are_kept_by_qualifier(lambda_: Lambda) -> None:
    name = await lambda_.create(Publish=True)
    put = await lambda_("PutFunctionEventInvokeConfig", FunctionName=name, MaximumEventAgeInSeconds=60)
    check_answer("PutFunctionEventInvokeConfig", put)
    assert isinstance(put.pop("LastModified"), datetime)
    assert put == {"FunctionArn": f"{ARN}{name}:$LATEST", "DestinationConfig": NOBODY, "MaximumEventAgeInSeconds": 60}
    updated = await lambda_("UpdateFunctionEventInvokeConfig", FunctionName=name, MaximumRetryAttempts=1)
    assert (updated["MaximumEventAgeInSeconds"], updated["MaximumRetryAttempts"]) == (60, 1)
    assert await lambda_("GetFunctionEventInvokeConfig", FunctionName=name, Qualifier="$LATEST") == updated
    replaced = await lambda_("PutFunctionEventInvokeConfig", FunctionName=name, MaximumRetryAttempts=0)
    assert "MaximumEventAgeInSeconds" not in replaced
    of_version = {"FunctionName": name, "Qualifier": "1"}
    error = await refused(lambda_("GetFunctionEventInvokeConfig", **of_version))
    assert (error.code, error.message) == (
        "ResourceNotFoundException",
        f"The function {ARN}{name}:1 doesn't have an EventInvokeConfig",
    )
    await lambda_("PutFunctionEventInvokeConfig", **of_version, MaximumRetryAttempts=2)
    listed = await lambda_("ListFunctionEventInvokeConfigs", FunctionName=name)
    check_answer("ListFunctionEventInvokeConfigs", listed)
    assert len(listed["FunctionEventInvokeConfigs"]) == 2
    await lambda_("DeleteFunctionEventInvokeConfig", **of_version)
    assert (await refused(lambda_("DeleteFunctionEventInvokeConfig", **of_version))).status == 404
    assert (await refused(lambda_("UpdateFunctionEventInvokeConfig", **of_version))).status == 404


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({}, "You must specify at least one of error handling or destination setting."),
        ({"FunctionName": "nobody", "MaximumRetryAttempts": 0}, "The function doesn't exist."),
        ({"Qualifier": "7", "MaximumRetryAttempts": 0}, "The function doesn't exist."),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "{arn}"}}},
            "You can't specify the function as a destination for itself.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": f"{ARN}nobody"}}},
            f"The destination ARN {ARN}nobody is invalid.",
        ),
        (
            {"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:iam:us-east-1:123456789012:role/a"}}},
            "The provided destination config DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam:us-east-1:"
            "123456789012:role/a), onFailure=null) is invalid.",
        ),
        (
            {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:events:us-east-1:123456789012:event-bus/a"}}},
            "The harness does not support destinations in events: use one of sqs, sns, lambda.",
        ),
    ],
)
async def test_invalid_settings_are_refused(lambda_: Lambda, request_: dict[str, Any], message: str) -> None:
    name = await lambda_.create()
    request = json.loads(json.dumps({"FunctionName": name, **request_}).replace("{arn}", ARN + name))
    assert (await refused(lambda_("PutFunctionEventInvokeConfig", **request))).message == message


async def test_a_queue_receives_the_record_of_a_success(lambda_: Lambda) -> None:
    name = await lambda_.create("def handler(event, context): return {'breed': event['dog']}")
    arn, url = await queue(lambda_, f"{name}-done")
    destination = {"OnSuccess": {"Destination": arn}}
    await lambda_("PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=destination)
    answer = await lambda_.invoke(name, {"dog": "🐶"}, InvocationType="Event")
    record = json.loads((await message(lambda_, url))["Body"])
    assert datetime.fromisoformat(record.pop("timestamp")).tzinfo == UTC
    assert record == {
        "version": "1.0",
        "requestContext": {
            "requestId": answer.request_id,
            "functionArn": f"{ARN}{name}:$LATEST",
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"dog": "🐶"},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST"},
        "responsePayload": {"breed": "🐶"},
    }


async def test_a_topic_and_a_dead_letter_queue_are_notified_of_a_failure(lambda_: Lambda) -> None:
    name = await lambda_.create(FAILS)
    arn, url = await queue(lambda_, f"{name}-dead")
    topic = (await lambda_.backend.call("sns", "create_topic", Name=name))["TopicArn"]
    heard_arn, heard_url = await queue(lambda_, f"{name}-heard")
    await lambda_.backend.call("sns", "subscribe", TopicArn=topic, Protocol="sqs", Endpoint=heard_arn)
    await lambda_("UpdateFunctionConfiguration", FunctionName=name, DeadLetterConfig={"TargetArn": arn})
    await lambda_(
        "PutFunctionEventInvokeConfig",
        FunctionName=name,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": topic}},
    )
    answer = await lambda_.invoke(name, {"a": 1}, InvocationType="Event")
    dead = await message(lambda_, url)
    assert json.loads(dead["Body"]) == {"a": 1}
    attributes = {key: value["StringValue"] for key, value in dead["MessageAttributes"].items()}
    assert attributes == {"RequestID": answer.request_id, "ErrorCode": "200", "ErrorMessage": "no such dog"}
    record = json.loads(json.loads((await message(lambda_, heard_url))["Body"])["Message"])
    assert (record["requestContext"]["condition"], record["requestContext"]["approximateInvokeCount"]) == (
        "RetriesExhausted",
        1,
    )
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "no such dog"


async def test_another_function_can_be_a_destination(lambda_: Lambda) -> None:
    first = await lambda_.create("def handler(event, context): return event")
    second = await lambda_.create("def handler(event, context): return event['responsePayload']")
    arn, url = await queue(lambda_, f"{second}-done")
    for name, destination in ((first, ARN + second), (second, arn)):
        config = {"OnSuccess": {"Destination": destination}}
        await lambda_("PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=config)
    await lambda_.invoke(first, "hello", InvocationType="Event")
    assert json.loads((await message(lambda_, url))["Body"])["responsePayload"] == "hello"


async def test_an_event_that_is_too_old_is_not_retried(lambda_: Lambda, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asynchronous, "RETRY_DELAYS", (61.0, 61.0))
    name = await lambda_.create(FAILS)
    arn, url = await queue(lambda_, f"{name}-old")
    await lambda_(
        "PutFunctionEventInvokeConfig",
        FunctionName=name,
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": arn}},
    )
    await lambda_.invoke(name, 1, InvocationType="Event")
    record = json.loads((await message(lambda_, url))["Body"])
    assert record["requestContext"]["condition"] == "EventAgeExceeded"


async def test_a_missing_destination_does_not_disturb_the_function(lambda_: Lambda) -> None:
    name = await lambda_.create()
    destination = {"OnSuccess": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"}}
    await lambda_("PutFunctionEventInvokeConfig", FunctionName=name, DestinationConfig=destination)
    await lambda_.invoke(name, 1, InvocationType="Event")
    await eventually(lambda: not lambda_.service.state.invoker._events._tasks)
    assert (await lambda_.invoke(name, 1)).payload == 1
