"""Requests serialized from botocore's models: valid ones, and the same changed in one place."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.model import OperationModel, Shape
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import strategies as st

DEPTH = 6
_ALPHABET = "abcxyzABC0189-_./: é€\U0001f600"


def members(shape: Shape, names: st.SearchStrategy[str], depth: int = DEPTH) -> st.SearchStrategy[Any]:
    """Values of a shape, mostly within its constraints. names: further texts, such as names that exist."""
    kind = shape.type_name
    if kind == "structure":
        return _structure(shape, names, depth)
    if kind == "list":
        most = 0 if depth <= 0 else 2
        return st.lists(members(shape.member, names, depth - 1), max_size=most)
    if kind == "map":
        most = 0 if depth <= 0 else 2
        keys = st.text(_ALPHABET, min_size=1, max_size=8)
        return st.dictionaries(keys, members(shape.value, names, depth - 1), max_size=most)
    if kind == "string":
        options = [names, st.text(_ALPHABET, max_size=12)]
        return st.sampled_from(shape.enum) if getattr(shape, "enum", None) else st.one_of(options)
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    scalars: dict[str, st.SearchStrategy[Any]] = {
        "integer": st.integers(int(low or 0), int(high or 10_000)),
        "long": st.integers(int(low or 0), int(high or 10_000)),
        "float": st.floats(0, 1000, allow_nan=False),
        "double": st.floats(0, 1000, allow_nan=False),
        "boolean": st.booleans(),
        "timestamp": st.datetimes(),
        "blob": st.binary(max_size=64),
    }
    return scalars[kind]


@st.composite
def _structure(draw: st.DrawFn, shape: Any, names: st.SearchStrategy[str], depth: int) -> dict[str, Any]:
    members_drawn = {}
    for name, member in shape.members.items():
        wanted = name in shape.required_members or (depth > 0 and draw(st.integers(0, 3)) == 0)
        if wanted:
            members_drawn[name] = draw(members(member, names, depth - 1))
    return members_drawn


@dataclass(frozen=True)
class Sent:
    """An HTTP request."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Answered:
    status: int
    headers: Mapping[str, str]
    body: bytes


def serialized(operation: OperationModel, request: Mapping[str, Any], url: str) -> Sent:
    """A request as boto3 writes it, unsigned, without boto3's own checks."""
    model = operation.service_model
    protocol = operation.service_model.resolved_protocol
    serialized = create_serializer(protocol, include_validation=False).serialize_to_request(dict(request), operation)
    query = serialized["query_string"]
    pairs = (
        query
        if isinstance(query, str)
        else AWSRequest("GET", "http://x/", params=query).prepare().url.partition("?")[2]
    )
    target = url + serialized["url_path"] + (("&" if "?" in serialized["url_path"] else "?") + pairs if pairs else "")
    body = serialized["body"]
    if isinstance(body, dict):
        body = AWSRequest("POST", "http://x/", data=body).prepare().body
    content = body.encode() if isinstance(body, str) else bytes(body or b"")
    headers = {str(name): str(value) for name, value in serialized["headers"].items()}
    if protocol == "query":
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    assert model.signing_name
    return Sent(serialized["method"], target, headers, content)


def send(sent: Sent, signing_name: str, region: str) -> Answered:
    """Signs a request as the account's administrator, sends it, and returns the answer."""
    signed = AWSRequest(sent.method, sent.url, headers=sent.headers, data=sent.body)
    SigV4Auth(Credentials("test", "test"), signing_name, region).add_auth(signed)
    headers = {name: value.encode("utf-8").decode("latin-1") for name, value in signed.headers.items()}
    request = urllib.request.Request(sent.url, sent.body or None, headers, method=sent.method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return Answered(answer.status, dict(answer.headers), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Answered(error.code, dict(error.headers), error.read())


def parsed(operation: OperationModel, answer: Answered) -> dict[str, Any]:
    """The answer as boto3 reads it. Raises botocore's ResponseParserError if boto3 cannot."""
    shape = operation.output_shape
    response: dict[str, Any] = {
        "status_code": answer.status,
        "headers": {name.lower(): value for name, value in answer.headers.items()},
        "body": answer.body,
    }
    if answer.status < 300 and operation.has_event_stream_output:
        return {}
    protocol = operation.service_model.resolved_protocol
    answer: dict[str, Any] = create_parser(protocol).parse(response, shape)
    return answer


@st.composite
def bent(draw: st.DrawFn, sent: Sent) -> Sent:
    """A request with one fault that no client library would send."""
    body = sent.body
    how = draw(st.sampled_from(["garbage", "cut", "type", "nested", "array", "encoding", "content-type"]))
    headers = dict(sent.headers)
    if how == "garbage":
        body = draw(st.binary(max_size=200))
    elif how == "cut":
        body = body[: draw(st.integers(0, max(0, len(body) - 1)))]
    elif how == "array":
        body = json.dumps([draw(st.integers())]).encode()
    elif how == "nested":
        body = b'{"a":' * draw(st.sampled_from([50, 5000])) + b"1"
    elif how == "encoding":
        body = body + b"\xff\xfe"
    elif how == "content-type":
        headers["Content-Type"] = draw(st.sampled_from(["text/plain", "application/x-www-form-urlencoded", "\u00ff"]))
    else:
        body = _mistyped(draw, body)
    return Sent(sent.method, sent.url, headers, body)


def _mistyped(draw: st.DrawFn, body: bytes) -> bytes:
    try:
        document = json.loads(body or b"{}")
    except ValueError:
        return body + b"?"
    if not isinstance(document, dict) or not document:
        return b'{"Unknown": {"Member": [null]}}'
    name = draw(st.sampled_from(sorted(document)))
    document[name] = draw(st.sampled_from([None, 1e308, -1, "", [], {}, [[]], True, "x" * 3000, {"a": {"b": [1]}}]))
    return json.dumps(document).encode()
