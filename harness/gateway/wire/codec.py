"""Decodes requests and encodes responses of the ``json`` and ``rest-json`` protocols by botocore's models."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from botocore.model import OperationModel, Shape, StructureShape

from harness.core.calls import HEADERS
from harness.core.errors import AwsError
from harness.gateway.wire.eventstream import CONTENT_TYPE, encode_stream
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
        return dict(from_json(shape, _load(body)))
    request = _decode_locations(shape, labels, query, headers)
    payload = shape.serialization.get("payload")
    if payload is not None:
        inner = shape.members[payload]
        if isinstance(inner, StructureShape):
            if body:
                request[payload] = from_json(inner, _load(body), payload)
        elif inner.type_name == "string":
            request[payload] = body.decode("utf-8", "replace")
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


def _decode_locations(
    shape: StructureShape, labels: Mapping[str, str], query: str, headers: Mapping[str, str]
) -> dict[str, Any]:
    request: dict[str, Any] = {}
    parameters = parse_qs(query, keep_blank_values=True) if query else {}
    for member, inner in shape.members.items():
        location = inner.serialization.get("location")
        name = wire_name(member, inner)
        if location == "uri" and name in labels:
            request[member] = from_text(inner, labels[name], member)
        elif location == "querystring" and name in parameters:
            many = inner.type_name == "list"
            request[member] = parameters[name] if many else from_text(inner, parameters[name][0], member)
        elif location == "header" and name.lower() in headers:
            request[member] = from_text(inner, headers[name.lower()], member)
        elif location == "headers":
            prefix = name.lower()
            request[member] = {key[len(prefix) :]: value for key, value in headers.items() if key.startswith(prefix)}
    return request


def _load(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
        if b"\\ud" in body or b"\\uD" in body:
            json.dumps(document, ensure_ascii=False).encode()  # raises for half of a surrogate pair
    except (ValueError, RecursionError):
        raise AwsError("SerializationException", "The request body is not valid JSON") from None
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "The request body must be a JSON object")
    return document


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
