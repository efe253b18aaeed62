"""CBOR (RFC 8949) as the ``smithy-rpc-v2-cbor`` protocol uses it: decodes requests, and encodes errors."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from botocore import parsers
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.core.errors import AwsError
from harness.gateway.wire.values import timestamp_from_text

_SCALARS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "blob": (bytes,),
    "timestamp": (datetime, int, float),
}
_TEXT, _MAP = 3, 5


def decode_cbor(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The request's members by their botocore names; unknown members are dropped.

    Raises AwsError SerializationException for a body that is not CBOR, has something behind it or wrong types in it.
    """
    shape = operation.input_shape
    if shape is None or not body:
        return {}
    parser: Any = parsers.create_parser("smithy-rpc-v2-cbor")
    stream = io.BufferedReader(cast("io.RawIOBase", io.BytesIO(body)))
    try:
        item = parser.parse_data_item(stream)
    except Exception:
        # For malformed bytes botocore's parser raises errors of many kinds.
        raise AwsError("SerializationException", "The request body is not valid CBOR") from None
    if stream.read(1) or not isinstance(item, Mapping):
        raise AwsError("SerializationException", "The request body must be one CBOR map")
    return dict(_from_cbor(shape, item, "The request body"))


def _from_cbor(shape: Shape, value: Any, where: str) -> Any:
    kinds = _SCALARS.get(shape.type_name)
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        return {
            member: _from_cbor(inner, value[name], member)
            for member, inner in shape.members.items()
            if value.get(name := str(inner.serialization.get("name", member))) is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_from_cbor(shape.member, item, where) for item in value if item is not None]
    if isinstance(shape, MapShape) and isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _from_cbor(shape.value, item, where) for key, item in value.items() if item is not None}
    boolean_for_other = isinstance(value, bool) and shape.type_name != "boolean"
    if kinds is None or boolean_for_other or not isinstance(value, kinds):
        raise AwsError("SerializationException", f"{where} has another type than {shape.type_name}")
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return timestamp_from_text(value, where)
    return value


def encode_map(members: Mapping[str, str]) -> bytes:
    """A definite-length map of text strings."""
    return _head(_MAP, len(members)) + b"".join(_text(key) + _text(value) for key, value in members.items())


def _text(value: str) -> bytes:
    data = value.encode()
    return _head(_TEXT, len(data)) + data


def _head(major: int, length: int) -> bytes:
    if length < 24:
        return bytes([major << 5 | length])
    for marker, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if length < 1 << (8 * size):
            return bytes([major << 5 | marker]) + length.to_bytes(size, "big")
    raise ValueError(f"too long for CBOR: {length}")
