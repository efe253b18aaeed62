"""InvokeEndpointWithResponseStream, read with boto3."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, EventStreamError

from harness.hosting.instances.base import InvocationFailed, StreamedAnswer
from tests.hosting.hands import Held


def answer(status: int, *parts: bytes | Exception, **headers: str) -> Callable[..., StreamedAnswer]:
    async def body() -> AsyncIterator[bytes]:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            yield part

    return lambda *_: StreamedAnswer(status, headers, body())


def invoke(held: Held, name: str) -> dict[str, Any]:
    runtime = held.client("sagemaker-runtime")
    return dict(runtime.invoke_endpoint_with_response_stream(EndpointName=name, Body=b"why", ContentType="text/plain"))


@pytest.fixture
def name(held: Held) -> str:
    return held.endpoint(held.config())


def test_the_parts_arrive_as_they_were_sent(held: Held, name: str) -> None:
    headers = {"Content-Type": "text/event-stream", "X-Amzn-SageMaker-Custom-Attributes": "seen"}
    held.hands.streams["v"] = answer(200, b"one", b"", b"two", **headers)
    streamed = invoke(held, name)
    assert (streamed["ContentType"], streamed["CustomAttributes"]) == ("text/event-stream", "seen")
    assert streamed["InvokedProductionVariant"] == "v"
    assert [event["PayloadPart"]["Bytes"] for event in streamed["Body"]] == [b"one", b"two"]
    (instance,) = held.hands.of(name)
    assert instance.requests[-1] == (b"why", {"Content-Type": "text/plain"})


@pytest.mark.parametrize(
    ("error", "code"), [(TimeoutError(), "ModelInvocationTimeExceeded"), (InvocationFailed("reset"), "StreamBroken")]
)
def test_a_stream_that_breaks_off_ends_with_a_model_stream_error(
    held: Held, name: str, error: Exception, code: str
) -> None:
    """ErrorCode (botocore, ModelStreamError)."""
    held.hands.streams["v"] = answer(200, b"one", error)
    events = iter(invoke(held, name)["Body"])
    assert next(events)["PayloadPart"]["Bytes"] == b"one"
    with pytest.raises(EventStreamError) as refused:
        next(events)
    assert refused.value.response["Error"]["Code"] == "ModelStreamError"
    held.advance(61)
    dimensions = {"EndpointName": name, "VariantName": "v"}
    assert held.metric("InvocationModelErrors", **dimensions)[-1].total == 1


def test_a_stream_that_starts_without_success_is_a_model_error(held: Held, name: str) -> None:
    held.hands.streams["v"] = answer(500, b"no such ", b"breed")
    with pytest.raises(ClientError) as refused:
        invoke(held, name)
    assert (refused.value.response["Error"]["Code"], refused.value.response["OriginalMessage"]) == (  # type: ignore[typeddict-item]
        "ModelError",
        "no such breed",
    )


def test_an_endpoint_that_does_not_exist(held: Held) -> None:
    with pytest.raises(ClientError, match="Endpoint none of account"):
        invoke(held, "none")
