"""InvokeEndpointAsync: answers in S3 and notifications by SNS (SM guide, async-inference)."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.hosting.instances.base import Answer
from harness.hosting.rules import sizes
from tests.hosting.hands import Held
from tests.support import ACCOUNT, unique


@pytest.fixture
def bucket(held: Held) -> str:
    name = unique("async")
    held.client("s3").create_bucket(Bucket=name)
    held.client("s3").put_object(Bucket=name, Key="in/dog.jpg", Body=b"dog")
    return name


def topic(held: Held) -> tuple[str, str]:
    """A topic's ARN, and the URL of a queue that takes what is published."""
    name = unique("topic")
    arn = held.client("sns").create_topic(Name=name)["TopicArn"]
    url = held.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    held.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    return arn, url


def received(held: Held, url: str) -> dict[str, Any]:
    messages = held.until(lambda: held.client("sqs").receive_message(QueueUrl=url).get("Messages"))
    return dict(json.loads(json.loads(messages[0]["Body"])["Message"]))


def deploy(held: Held, bucket: str, count: int = 1, concurrency: int | None = None, **output: Any) -> str:
    config: dict[str, Any] = {"OutputConfig": {"S3OutputPath": f"s3://{bucket}/out", **output}}
    if concurrency is not None:
        config["ClientConfig"] = {"MaxConcurrentInvocationsPerInstance": concurrency}
    return held.endpoint(held.config({"count": count}, AsyncInferenceConfig=config))


def invoke(held: Held, name: str, bucket: str, **members: Any) -> dict[str, Any]:
    request = {"InputLocation": f"s3://{bucket}/in/dog.jpg", **members}
    return dict(held.client("sagemaker-runtime").invoke_endpoint_async(EndpointName=name, **request))


def read(held: Held, url: str) -> bytes:
    bucket, _, key = url.removeprefix("s3://").partition("/")

    def look() -> bytes | None:
        try:
            return bytes(held.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError:
            return None

    return bytes(held.until(look, lambda body: body is not None))


def test_the_answer_is_written_where_the_call_says(held: Held, bucket: str) -> None:
    name = deploy(held, bucket)
    accepted = invoke(held, name, bucket, ContentType="image/jpeg", Accept="application/json", InferenceId="mine")
    assert (accepted["ResponseMetadata"]["HTTPStatusCode"], accepted["InferenceId"]) == (202, "mine")
    assert re.fullmatch(rf"s3://{bucket}/out/[0-9a-f-]{{36}}\.out", accepted["OutputLocation"])
    assert "FailureLocation" not in accepted
    answer = json.loads(read(held, accepted["OutputLocation"]))
    assert answer["echo"] == "dog"
    assert answer["headers"]["Content-Type"] == "image/jpeg"


def test_a_name_and_a_folder_of_the_callers_own_and_a_body_in_the_call(held: Held, bucket: str) -> None:
    name = deploy(held, bucket, S3FailurePath=f"s3://{bucket}/failed")
    runtime = held.client("sagemaker-runtime")
    accepted = runtime.invoke_endpoint_async(
        EndpointName=name, Body=b"cat", S3OutputPathExtension="cats/today", Filename="one.out"
    )
    assert accepted["OutputLocation"] == f"s3://{bucket}/out/cats/today/one.out"
    assert accepted["FailureLocation"] == f"s3://{bucket}/failed/cats/today/one-error.out"
    assert json.loads(read(held, accepted["OutputLocation"]))["echo"] == "cat"


def test_success_is_published(held: Held, bucket: str) -> None:
    """Names and order of the members as public logs show them."""
    arn, url = topic(held)
    included = ["SUCCESS_NOTIFICATION_TOPIC"]
    name = deploy(held, bucket, NotificationConfig={"SuccessTopic": arn, "IncludeInferenceResponseIn": included})
    accepted = invoke(held, name, bucket, ContentType="image/jpeg")
    message = received(held, url)
    assert list(message) == [
        "awsRegion",
        "eventTime",
        "receivedTime",
        "invocationStatus",
        "requestParameters",
        "responseParameters",
        "responseBody",
        "inferenceId",
        "eventVersion",
        "eventSource",
        "eventName",
    ]
    assert message["invocationStatus"] == "Completed"
    assert message["requestParameters"] == {
        "contentType": "image/jpeg",
        "endpointName": name,
        "inputLocation": f"s3://{bucket}/in/dog.jpg",
    }
    assert message["responseParameters"]["outputLocation"] == accepted["OutputLocation"]
    assert message["inferenceId"] == accepted["InferenceId"]
    assert json.loads(base64.b64decode(message["responseBody"]["content"]))["echo"] == "dog"


def test_a_failure_is_written_and_published(held: Held, bucket: str) -> None:
    arn, url = topic(held)
    name = deploy(held, bucket, S3FailurePath=f"s3://{bucket}/failed", NotificationConfig={"ErrorTopic": arn})
    held.hands.answer["v"] = lambda body, headers: Answer(500, "No", {}, b"no such breed")
    accepted = invoke(held, name, bucket)
    assert re.fullmatch(rf"s3://{bucket}/failed/[0-9a-f-]{{36}}-error\.out", accepted["FailureLocation"])
    assert read(held, accepted["FailureLocation"]) == b"no such breed"
    message = received(held, url)
    assert (message["invocationStatus"], message["failureReason"]) == (
        "Failed",
        "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in your account for "
        "more information.",
    )


def test_an_input_that_is_not_there(held: Held, bucket: str) -> None:
    name = deploy(held, bucket, S3FailurePath=f"s3://{bucket}/failed")
    accepted = invoke(held, name, bucket, InputLocation=f"s3://{bucket}/in/none")
    assert b"NoSuchKey" in read(held, accepted["FailureLocation"])


def test_each_instance_serves_its_limit_and_the_other_requests_wait(held: Held, bucket: str) -> None:
    """MaxConcurrentInvocationsPerInstance (botocore); the backlog is what scales the endpoint (SM guide)."""
    name = deploy(held, bucket, count=2, concurrency=1)
    gate: list[asyncio.Event] = []

    async def held_back() -> dict[str, Any]:
        gate.append(asyncio.Event())
        await gate[-1].wait()
        return {}

    async def open_all() -> None:
        for event in gate:
            event.set()

    held.hands.answer["v"] = lambda body, headers: held_back()
    calls = [invoke(held, name, bucket) for _ in range(5)]
    held.until(lambda: len(gate) == 2)
    held.advance(61)
    assert len(gate) == 2
    dimensions = {"EndpointName": name}
    assert held.metric("ApproximateBacklogSize", **dimensions)[-1].maximum == 5
    assert held.metric("ApproximateBacklogSizePerInstance", **dimensions)[-1].maximum == 2.5
    assert held.metric("HasBacklogWithoutCapacity", **dimensions)[-1].maximum == 0
    for count in (4, 5):
        held.aws.run(open_all())
        held.until(lambda count=count: len(gate) == count)
    held.aws.run(open_all())
    for call in calls:
        read(held, call["OutputLocation"])
    held.advance(61)
    processed = held.metric("InvocationsProcessed", EndpointName=name, VariantName="v")
    assert sum(period.total for period in processed) == 5


def test_a_request_that_waited_longer_than_its_ttl_is_not_run(held: Held, bucket: str) -> None:
    name = deploy(held, bucket, S3FailurePath=f"s3://{bucket}/failed")
    change = {"VariantName": "v", "DesiredInstanceCount": 0}
    held.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[change])
    held.settled(name)
    accepted = invoke(held, name, bucket, RequestTTLSeconds=60)
    held.advance(61)
    assert held.metric("HasBacklogWithoutCapacity", EndpointName=name)[-1].maximum == 1
    change["DesiredInstanceCount"] = 1
    held.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[change])
    held.settled(name)
    assert b"RequestTTLSeconds" in read(held, accepted["FailureLocation"])


def test_each_kind_of_endpoint_has_its_own_call(held: Held, bucket: str) -> None:
    with pytest.raises(ClientError, match="call InvokeEndpointAsync"):
        held.invoke(deploy(held, bucket))
    with pytest.raises(ClientError, match="call InvokeEndpoint, or"):
        invoke(held, held.endpoint(held.config()), bucket)


def test_an_input_or_a_body(held: Held, bucket: str) -> None:
    name = deploy(held, bucket)
    with pytest.raises(ClientError, match="either InputLocation or Body"):
        held.client("sagemaker-runtime").invoke_endpoint_async(EndpointName=name)
    with pytest.raises(ClientError, match="either InputLocation or Body"):
        invoke(held, name, bucket, Body=b"x")


def test_an_endpoint_cannot_change_between_real_time_and_asynchronous(held: Held, bucket: str) -> None:
    name = deploy(held, bucket)
    sentence = f"The AsyncInferenceConfig parameter cannot be removed from this endpoint {name}"
    with pytest.raises(ClientError, match=sentence):
        held.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=held.config())


def test_a_configuration_needs_a_place_for_answers(held: Held) -> None:
    with pytest.raises(ClientError, match="needs an S3OutputPath"):
        held.config(AsyncInferenceConfig={"OutputConfig": {}})


def test_an_input_beyond_what_the_harness_holds_fails_in_a_sentence(
    held: Held, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "ASYNC_INPUT_LIMIT", 2)
    name = deploy(held, bucket, S3FailurePath=f"s3://{bucket}/failed")
    assert read(held, invoke(held, name, bucket)["FailureLocation"]).startswith(
        b"ClientError: The input is larger than"
    )


def test_a_queue_that_is_full_throttles(held: Held, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = deploy(held, bucket)
    monkeypatch.setattr(sizes, "ASYNC_BACKLOG_LIMIT", 1)
    with pytest.raises(ClientError) as refused:
        invoke(held, name, bucket)
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
