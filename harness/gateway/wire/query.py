"""Decodes requests of the protocols ``query`` and ``ec2`` (form fields), and encodes answers of ``query`` (XML)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.core.errors import AwsError, shown
from harness.gateway.wire.codec import Response
from harness.gateway.wire.values import from_text, to_text

Fields = Mapping[str, str]
# Deeper than any shape of a service with these protocols.
_DEEPEST = 16
# The items of a list are counted from 1. Some old clients count from 0.
_INDEX = re.compile(r"0|[1-9][0-9]{0,5}")


def decode_query(operation: OperationModel, fields: Fields) -> dict[str, Any]:
    """The request's members by their botocore names. Raises AwsError for a value of a wrong type."""
    shape = operation.input_shape
    if shape is None:
        return {}
    ec2 = operation.service_model.metadata.get("protocol") == "ec2"
    return _structure(shape, _tree(fields), ec2=ec2)


class _Node:
    """A form field, and the fields whose names continue its name after a point."""

    __slots__ = ("below", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.below: dict[str, _Node] = {}


def _tree(fields: Fields) -> _Node:
    root = _Node()
    for name, value in fields.items():
        node = root
        for part in name.split(".", _DEEPEST):
            node = node.below.setdefault(part, _Node())
        node.value = value
    return root


def _structure(shape: StructureShape, node: _Node, *, ec2: bool) -> dict[str, Any]:
    members = {}
    for member, inner in shape.members.items():
        below = node.below.get(_field_name(member, inner, ec2=ec2))
        if below is not None:
            members[member] = _value(inner, below, member, ec2=ec2)
    return members


def _field_name(member: str, shape: Shape, *, ec2: bool) -> str:
    """The name of a member's field. A flattened list has its items' name; EC2's names begin with a capital letter."""
    name = shape.serialization.get("name", member)
    if ec2:
        return str(shape.serialization.get("queryName", name[:1].upper() + name[1:]))
    if isinstance(shape, ListShape) and shape.serialization.get("flattened"):
        return str(shape.member.serialization.get("name", name))
    return str(name)


def _value(shape: Shape, node: _Node, where: str, *, ec2: bool) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, node, ec2=ec2)
    if isinstance(shape, ListShape):
        flat = ec2 or shape.serialization.get("flattened")
        items = node if flat else node.below.get(shape.member.serialization.get("name", "member"), _Node())
        numbered = sorted(
            ((_index(key, where), item) for key, item in items.below.items()), key=lambda numbered: numbered[0]
        )
        return [_value(shape.member, item, where, ec2=ec2) for _, item in numbered]
    if isinstance(shape, MapShape):
        entries = node if shape.serialization.get("flattened") else node.below.get("entry", _Node())
        key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        pairs: dict[str, Any] = {}
        for _, entry in sorted(
            ((_index(index, where), entry) for index, entry in entries.below.items()), key=lambda numbered: numbered[0]
        ):
            if key not in entry.below or value not in entry.below:
                continue
            name = entry.below[key].value or ""
            if name in pairs:
                raise AwsError("MalformedInput", f"{where} has the key {shown(name)} twice")
            pairs[name] = _value(shape.value, entry.below[value], where, ec2=ec2)
        return pairs
    text = node.value or ""
    if shape.type_name == "blob":
        try:
            return base64.b64decode(text, validate=True)
        except ValueError:
            raise AwsError("MalformedInput", f"{where} must be base64") from None
    return from_text(shape, text, where)


def _index(text: str, where: str) -> int:
    """The number of an item of a list. AWS's code and bound for others are not published."""
    if not _INDEX.fullmatch(text):
        raise AwsError("MalformedInput", f"{shown(text)} is not the number of an item of {where}: use 1, 2, 3...")
    return int(text)


def encode_query(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The operation's answer as XML. result: the output's members by their botocore names."""
    shape = operation.output_shape
    inner = _to_xml(shape, result, "") if shape is not None else ""
    wrapper = str(shape.serialization.get("resultWrapper", f"{operation.name}Result")) if shape is not None else ""
    body = f"<{wrapper}>{inner}</{wrapper}>" if wrapper else ""
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
    text = f'<{operation.name}Response xmlns="{namespace}">{body}{metadata}</{operation.name}Response>'
    headers = {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}
    return Response(200, headers, text.encode())


def _to_xml(shape: Shape, value: Any, name: str) -> str:
    if isinstance(shape, StructureShape):
        text = "".join(
            _to_xml(inner, value[member], str(inner.serialization.get("name", member)))
            for member, inner in shape.members.items()
            if value.get(member) is not None
        )
    elif isinstance(shape, ListShape):
        name_of_items = str(shape.member.serialization.get("name", "member"))
        text = "".join(_to_xml(shape.member, item, name_of_items) for item in value)
        if shape.serialization.get("flattened"):
            return text
    elif isinstance(shape, MapShape):
        pairs = (
            f"{_to_xml(shape.key, key, 'key')}{_to_xml(shape.value, item, 'value')}" for key, item in value.items()
        )
        text = "".join(f"<entry>{pair}</entry>" for pair in pairs)
    else:
        text = escape(to_text(shape, value, "iso8601"))
        if shape.type_name == "timestamp":
            text = text.replace(".000Z", "Z")  # IAM and STS give whole seconds (recorded)
    return f"<{name}>{text}</{name}>" if name else text
