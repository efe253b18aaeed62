"""Decodes requests and encodes responses of the ``json`` and ``rest-json`` protocols by botocore's models."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from harness.core.calls import HEADERS
from harness.core.errors import AwsError
from harness.gateway.authorization import AUTHORIZATION_PARAMETERS
from harness.gateway.wire.eventstream import CONTENT_TYPE, encode_stream
from harness.gateway.wire.parameters import pairs, single_values
from harness.gateway.wire.values import from_json, from_text, to_json, to_text, wire_name


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. headers: names as AWS spells them. body: as a whole, or in parts."""

    status: int
    headers: dict[str, str]
    body: bytes | AsyncIterator[bytes]


def decode_request(
    operation: OperationModel, labels: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
) -> dict[str, Any]:
    """The request's members by their botocore names. headers: names in lower case.

    Raises AwsError SerializationException if the body or a member has another type than in the model.
    """
    shape = operation.input_shape
    if shape is None:
        return {}
    if operation.service_model.metadata.get("protocol") == "json":
        return decode_json(operation, body)
    request = decode_locations(shape, labels, query, headers)
    payload = shape.serialization.get("payload")
    if payload is not None:
        inner = shape.members[payload]
        if isinstance(inner, StructureShape):
            if body:
                request[payload] = from_json(inner, _load(body), payload)
        elif inner.type_name == "string":
            request[payload] = decode_text(body, payload)
        else:
            request[payload] = body
        return request
    in_body = {name: inner for name, inner in shape.members.items() if "location" not in inner.serialization}
    if in_body and body:
        document = _load(body)
        for name, inner in in_body.items():
            value = document.get(wire_name(name, inner))
            if value is not None:
                request[name] = from_json(inner, value, name)
    return request


def decode_json(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The members of a request whose body has all of them, as in the protocol ``json``."""
    shape = operation.input_shape
    return {} if shape is None else dict(from_json(shape, _load(body)))


def decode_locations(
    shape: StructureShape, labels: Mapping[str, str], query: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    """The members that stand in the path, the query and the headers.

    Raises AwsError InvalidQueryParameter for a parameter that is there twice and has one value.
    """
    request: dict[str, Any] = {}
    given = pairs(query) if query else ()
    parameters: dict[str, list[str]] = {}
    for name, value in given:
        parameters.setdefault(name, []).append(value)
    for member, inner in shape.members.items():
        location = inner.serialization.get("location")
        name = wire_name(member, inner)
        if location == "uri" and name in labels:
            request[member] = from_text(inner, labels[name], member)
        elif location == "querystring" and isinstance(inner, MapShape):
            request[member] = _others(shape, parameters, many=isinstance(inner.value, ListShape))
        elif location == "querystring" and name in parameters:
            if isinstance(inner, ListShape):
                request[member] = [from_text(inner.member, value, member) for value in parameters[name]]
            else:
                single = single_values((name, value) for value in parameters[name])
                request[member] = from_text(inner, single[name], member)
        elif location == "header" and name.lower() in headers:
            request[member] = _from_header(inner, headers[name.lower()], member)
        elif location == "headers":
            prefix = name.lower()
            request[member] = {key[len(prefix) :]: value for key, value in headers.items() if key.startswith(prefix)}
    return request


def _others(shape: StructureShape, parameters: Mapping[str, list[str]], *, many: bool) -> dict[str, Any]:
    """The parameters that are no other member's."""
    taken = {wire_name(member, inner) for member, inner in shape.members.items()
             if inner.serialization.get("location") == "querystring"}  # fmt: skip
    others = {name: values for name, values in parameters.items() if name not in taken | AUTHORIZATION_PARAMETERS}
    return dict(others) if many else single_values((name, value) for name in others for value in others[name])


def _from_header(shape: Shape, text: str, where: str) -> Any:
    if isinstance(shape, ListShape):
        return [from_text(shape.member, part.strip(), where) for part in text.split(",") if part.strip()]
    if shape.serialization.get("jsonvalue"):
        try:
            return json.loads(base64.b64decode(text, validate=True))
        except (ValueError, RecursionError):
            raise AwsError("SerializationException", f"{where} must be JSON in base64") from None
    return from_text(shape, text, where)


def decode_text(body: bytes, where: str) -> str:
    """A body that is a text. Raises AwsError SerializationException if it is not UTF-8."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        raise AwsError("SerializationException", f"{where} must be UTF-8") from None


def _load(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body, parse_constant=_no_constant) if body else {}
        if b"\\ud" in body or b"\\uD" in body:
            json.dumps(document, ensure_ascii=False).encode()  # raises for half of a surrogate pair
    except (ValueError, RecursionError):
        raise AwsError("SerializationException", "The request body is not valid JSON") from None
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request body must be a JSON object")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def encode_response(operation: OperationModel, result: Mapping[str, Any], request_id: str) -> Response:
    """The operation's answer as HTTP. result: the output's members by their botocore names, and HEADERS."""
    shape = operation.output_shape
    headers = {"x-amzn-RequestId": request_id, **result.get(HEADERS, {})}
    if operation.service_model.metadata.get("protocol") == "json":
        version = operation.service_model.metadata.get("jsonVersion", "1.0")
        headers["Content-Type"] = f"application/x-amz-json-{version}"
        return Response(200, headers, _dump(to_json(shape, dict(result)) if shape is not None else {}))
    status = int(operation.http.get("responseCode", 200))
    if shape is None:
        return Response(status, headers, b"")
    headers["Content-Type"] = "application/json"
    status = _encode_locations(shape, result, headers, status)
    payload = shape.serialization.get("payload")
    if payload is not None:
        value, inner = result.get(payload), shape.members[payload]
        if isinstance(inner, StructureShape) and inner.serialization.get("eventstream") and value is not None:
            headers["Content-Type"] = CONTENT_TYPE
            return Response(status, headers, encode_stream(inner, value))
        if isinstance(inner, StructureShape):
            return Response(status, headers, _dump(to_json(inner, value or {})))
        return Response(status, headers, value.encode() if isinstance(value, str) else (value or b""))
    members: dict[str, Shape] = {
        name: inner for name, inner in shape.members.items() if "location" not in inner.serialization
    }
    if status == 204:
        return Response(status, headers, b"")
    document = {
        wire_name(name, inner): to_json(inner, result[name])
        for name, inner in members.items()
        if result.get(name) is not None
    }
    return Response(status, headers, _dump(document))


def _encode_locations(shape: StructureShape, result: Mapping[str, Any], headers: dict[str, str], status: int) -> int:
    for member, inner in shape.members.items():
        value = result.get(member)
        location = inner.serialization.get("location")
        if value is None or location is None:
            continue
        name = wire_name(member, inner)
        if location == "statusCode":
            status = int(value)
        elif location == "header":
            headers[name] = to_text(inner, value)
        elif location == "headers":
            headers.update({name + key: str(item) for key, item in value.items()})
    return status


def _dump(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
