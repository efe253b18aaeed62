"""Decodes bodies of the protocol ``rest-xml`` by botocore's models, with a parser that takes no document types."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any
from xml.parsers import expat

from botocore.model import ListShape, MapShape, Shape, StructureShape

from harness.core.errors import AwsError
from harness.gateway.wire.values import from_text

# Deeper than any shape of a service with this protocol.
_DEEPEST = 64


class Element:
    """An element: its name and attributes without prefixes of namespaces, its children, and its text."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text: list[str] = []


def malformed() -> AwsError:
    """S3's words (S3 API reference, error responses)."""
    message = "The XML you provided was not well-formed or did not validate against our published schema"
    return AwsError("MalformedXML", message)


def parse_xml(body: bytes) -> Element:
    """The root element. Raises AwsError MalformedXML; a document type, which could declare entities, is malformed."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = Element("", {})
    path = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(path) > _DEEPEST:
            raise malformed()
        element = Element(_local(name), attributes)
        path[-1].children.append(element)
        path.append(element)

    def end(_: str) -> None:
        path.pop()

    def refuse(*_: object) -> None:
        raise malformed()

    def characters(text: str) -> None:
        path[-1].text.append(text)

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError):
        raise malformed() from None
    return top.children[0]


def decode_xml(shape: StructureShape, body: bytes) -> dict[str, Any]:
    """The members of a structure that is a whole body. Raises AwsError MalformedXML."""
    return _structure(shape, parse_xml(body))


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _structure(shape: StructureShape, element: Element) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for member, inner in shape.members.items():
        name = str(inner.serialization.get("name", member))
        if inner.serialization.get("xmlAttribute"):
            values = [value for key, value in element.attributes.items() if _local(key) == _local(name)]
            if len(values) > 1:
                raise malformed()
            if values:
                members[member] = _text(inner, values[0], member)
            continue
        if "location" in inner.serialization:
            continue
        if isinstance(inner, ListShape | MapShape) and inner.serialization.get("flattened"):
            if isinstance(inner, ListShape):
                name = str(inner.member.serialization.get("name", name))
            items = _named(element, name)
            if items:
                members[member] = _items(inner, items, member)
            continue
        found = _named(element, name)
        if len(found) > 1:
            raise malformed()
        if found:
            members[member] = _value(inner, found[0], member)
    return members


def _named(element: Element, name: str) -> list[Element]:
    return [child for child in element.children if child.name == _local(name)]


def _value(shape: Shape, element: Element, where: str) -> Any:
    if isinstance(shape, StructureShape):
        return _structure(shape, element)
    if isinstance(shape, ListShape):
        return _items(shape, _named(element, str(shape.member.serialization.get("name", "member"))), where)
    if isinstance(shape, MapShape):
        return _items(shape, _named(element, "entry"), where)
    if element.children:
        raise malformed()
    return _text(shape, "".join(element.text), where)


def _items(shape: ListShape | MapShape, elements: Iterable[Element], where: str) -> Any:
    if isinstance(shape, ListShape):
        return [_value(shape.member, element, where) for element in elements]
    entries: dict[Any, Any] = {}
    for element in elements:
        keys = _named(element, str(shape.key.serialization.get("name", "key")))
        values = _named(element, str(shape.value.serialization.get("name", "value")))
        if len(keys) != 1 or len(values) != 1:
            raise malformed()
        key = _value(shape.key, keys[0], where)
        if key in entries:
            raise malformed()
        entries[key] = _value(shape.value, values[0], where)
    return entries


def _text(shape: Shape, text: str, where: str) -> Any:
    try:
        if shape.type_name == "blob":
            return base64.b64decode(text.strip(), validate=True)
        return from_text(shape, text if shape.type_name == "string" else text.strip(), where)
    except (AwsError, binascii.Error, ValueError):
        raise malformed() from None
