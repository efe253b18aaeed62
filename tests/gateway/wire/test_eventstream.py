"""Event streams, read back with botocore's own decoder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import botocore.session
from botocore.eventstream import EventStreamBuffer
from botocore.model import StructureShape
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.gateway.wire.eventstream import encode_message, encode_stream


def shape_of(service: str, name: str) -> StructureShape:
    shape = botocore.session.get_session().get_service_model(service).shape_for(name)
    assert isinstance(shape, StructureShape)
    return shape


def decoded(data: bytes) -> list[tuple[dict[str, Any], bytes]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [(dict(message.headers), message.payload) for message in buffer]


async def stream(shape: StructureShape, *events: Mapping[str, Any], error: AwsError | None = None) -> bytes:
    async def all_events() -> AsyncIterator[Mapping[str, Any]]:
        for event in events:
            yield event
        if error is not None:
            raise error

    return b"".join([part async for part in encode_stream(shape, all_events())])


@given(st.dictionaries(st.text("abc:-", min_size=1, max_size=9), st.text(max_size=50), max_size=4), st.binary())
def test_botocore_reads_what_is_written(headers: dict[str, str], payload: bytes) -> None:
    assert decoded(encode_message(headers, payload)) == [(headers, payload)]


async def test_parts_of_a_response_are_raw_payloads() -> None:
    messages = decoded(
        await stream(shape_of("sagemaker-runtime", "ResponseStream"), {"PayloadPart": {"Bytes": b"\x00ab"}})
    )
    headers = {":event-type": "PayloadPart", ":content-type": "application/octet-stream", ":message-type": "event"}
    assert messages == [(headers, b"\x00ab")]


async def test_members_without_a_payload_of_their_own_are_json() -> None:
    """As in Lambda's InvokeComplete."""
    shape = shape_of("lambda", "InvokeWithResponseStreamResponseEvent")
    ((headers, payload),) = decoded(await stream(shape, {"InvokeComplete": {"ErrorCode": "Oops"}}))
    assert (headers[":content-type"], payload) == ("application/json", b'{"ErrorCode": "Oops"}')


async def test_an_error_of_the_model_ends_the_stream_as_an_exception() -> None:
    error = AwsError("ModelStreamError", "it broke", fields={"ErrorCode": "StreamBroken"})
    messages = decoded(await stream(shape_of("sagemaker-runtime", "ResponseStream"), error=error))
    assert messages[0][0][":exception-type"] == "ModelStreamError"
    assert messages[0][1] == b'{"Message": "it broke", "ErrorCode": "StreamBroken"}'


async def test_any_other_error_ends_it_as_an_error() -> None:
    messages = decoded(await stream(shape_of("sagemaker-runtime", "ResponseStream"), error=AwsError("Odd", "why")))
    assert messages == [({":error-code": "Odd", ":error-message": "why", ":message-type": "error"}, b"")]
