"""Encodes responses that are streams of events (AWS SDK specification, event stream).

A message is: total length, length of the headers, CRC of these two; the headers; the payload; CRC of all before it.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from botocore.model import StructureShape

from harness.core.errors import AwsError
from harness.gateway.wire.values import to_json

CONTENT_TYPE = "application/vnd.amazon.eventstream"
_STRING = 7
_CRC_BYTES = 4


def encode_message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message. All its headers have strings as values."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 2 * 4 + _CRC_BYTES + len(head) + len(payload) + _CRC_BYTES, len(head))
    message = prelude + struct.pack("!I", zlib.crc32(prelude)) + head + payload
    return message + struct.pack("!I", zlib.crc32(message))


def encode_event(shape: StructureShape, event: Mapping[str, Any]) -> bytes:
    """One event of a stream. event: its members under its name, ``{"PayloadPart": {"Bytes": b"..."}}``."""
    ((name, members),) = event.items()
    inner = shape.members[name]
    assert isinstance(inner, StructureShape), "the events of a stream are structures"
    headers = {":event-type": name}
    payload = _payload_member(inner)
    if payload is None:
        headers[":content-type"] = "application/json"
        body = json.dumps(to_json(inner, members)).encode()
    else:
        headers[":content-type"] = "application/octet-stream"
        body = members.get(payload, b"")
    return encode_message({**headers, ":message-type": "event"}, body)


def encode_failure(shape: StructureShape, error: AwsError) -> bytes:
    """The error that ends a stream: an exception, if the model has it, else an error message."""
    if error.code in shape.members:
        headers = {":exception-type": error.code, ":content-type": "application/json", ":message-type": "exception"}
        return encode_message(headers, json.dumps({"Message": error.message, **error.fields}).encode())
    return encode_message({":error-code": error.code, ":error-message": error.message, ":message-type": "error"}, b"")


async def encode_stream(shape: StructureShape, events: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    """The messages of a whole response. An AwsError that ``events`` raises becomes the last message."""
    try:
        async for event in events:
            yield encode_event(shape, event)
    except AwsError as error:
        yield encode_failure(shape, error)


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack("!B", len(key)) + key + struct.pack("!BH", _STRING, len(text)) + text


def _payload_member(shape: StructureShape) -> str | None:
    for name, inner in shape.members.items():
        if inner.serialization.get("eventpayload"):
            return name
    return None
