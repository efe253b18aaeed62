"""Converts values between JSON or text and Python by their botocore shapes: blobs are bytes, timestamps datetime."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from harness.core.errors import AwsError, shown

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "boolean": (bool,),
    "blob": (str,),
    "timestamp": (int, float, str),
    "structure": (dict,),
    "list": (list,),
    "map": (dict,),
}


# At most the digits of a 64-bit number, and more than a double has. Python's own parsers take underscores too.
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_FLOAT = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?|NaN|-?Infinity")


def wire_name(member: str, shape: Shape) -> str:
    """The name of a member in JSON or in a header."""
    return str(shape.serialization.get("name", member))


def from_json(shape: Shape, value: Any, where: str = "") -> Any:
    """The Python value of a JSON value. Unknown members are dropped, as AWS does.

    where: the value's place, for errors. Raises AwsError SerializationException for a value of a wrong type.
    """
    if value is None:
        return None
    expected = _JSON_TYPES.get(shape.type_name)
    boolean_for_other = bool(shape.type_name != "boolean" and isinstance(value, bool))
    if expected is not None and (boolean_for_other or not isinstance(value, expected)):
        if getattr(shape, "is_document_type", False):
            return value
        raise AwsError(
            "SerializationException",
            f"{where or 'The request body'} must be {_a(shape.type_name)}, not {_a(_kind(value))}",
        )
    if isinstance(shape, StructureShape):
        return _structure_from_json(shape, value, where)
    if isinstance(shape, ListShape):
        return [from_json(shape.member, item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(shape, MapShape):
        return {key: from_json(shape.value, item, f"{where}.{key}") for key, item in value.items()}
    if shape.type_name == "blob":
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            raise AwsError("SerializationException", f"{where} must be base64") from None
    if shape.type_name == "timestamp":
        return timestamp_from_text(value, where)
    return value


def _structure_from_json(shape: StructureShape, value: dict[str, Any], where: str) -> dict[str, Any]:
    if getattr(shape, "is_document_type", False):
        return value
    result = {}
    for member, inner in shape.members.items():
        item = value.get(wire_name(member, inner))
        if item is not None:
            result[member] = from_json(inner, item, f"{where}.{member}" if where else member)
    return result


def to_json(shape: Shape, value: Any) -> Any:
    """The JSON value of a Python value. Members that are None or that the shape does not have are left out."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        if getattr(shape, "is_document_type", False):
            return value
        return {
            wire_name(member, inner): to_json(inner, value[member])
            for member, inner in shape.members.items()
            if value.get(member) is not None
        }
    if isinstance(shape, ListShape):
        return [to_json(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {key: to_json(shape.value, item) for key, item in value.items()}
    if shape.type_name == "blob":
        return base64.b64encode(value).decode("ascii")
    if shape.type_name == "timestamp":
        text = timestamp_to_text(value, shape.serialization.get("timestampFormat", "unixTimestamp"))
        return text if isinstance(text, str) else round(text, 3)
    return value


def from_text(shape: Shape, text: str, where: str) -> Any:
    """The Python value of a header, or of a part of the path or query."""
    kind = shape.type_name
    if kind in ("integer", "long") and _INTEGER.fullmatch(text) and abs(int(text)) < 1 << 63:
        return int(text)
    if kind in ("float", "double") and _FLOAT.fullmatch(text):
        return float(text)
    if kind == "boolean" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "timestamp":
        return timestamp_from_text(text, where)
    if kind == "blob":
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            raise AwsError("SerializationException", f"{where} must be base64") from None
    if kind in ("integer", "long", "float", "double", "boolean"):
        raise AwsError("SerializationException", f"{where} must be {_a(kind)}, not {shown(text)}")
    return text


def to_text(shape: Shape, value: Any, style: str = "rfc822") -> str:
    """The text of a Python value in a header or in XML. style: of times whose shape has none."""
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if shape.type_name == "timestamp":
        return str(timestamp_to_text(value, shape.serialization.get("timestampFormat", style)))
    if shape.type_name == "blob":
        return base64.b64encode(value).decode("ascii")
    return str(value)


def timestamp_from_text(value: float | str, where: str) -> datetime:
    """The time in UTC of Unix seconds, ISO 8601 or RFC 822."""
    try:
        if not isinstance(value, str):
            return datetime.fromtimestamp(value, UTC)
        try:
            return datetime.fromtimestamp(float(value), UTC)
        except ValueError:
            pass
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = parsedate_to_datetime(value)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError):
        raise AwsError("SerializationException", f"{where} is not a timestamp: {shown(str(value))}") from None


def timestamp_to_text(value: datetime | float, style: str) -> str | float:
    """A time in one of botocore's three styles. Only ``unixTimestamp`` gives a number."""
    moment = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    if style == "iso8601":
        return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if style == "rfc822":
        return format_datetime(moment.astimezone(UTC), usegmt=True)
    return moment.timestamp()


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", str: "string", int: "integer", float: "float", list: "list", dict: "structure"}
    return kinds.get(type(value), type(value).__name__)


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
