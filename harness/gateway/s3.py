"""Reads S3's requests: several operations share a path, the bucket may be in the host, and objects are streamed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel, StructureShape

from harness.backend.client import Backend
from harness.core.errors import AwsError
from harness.gateway.wire.codec import decode_text
from harness.gateway.wire.models import rest_router
from harness.gateway.wire.parameters import pairs, single_values, unescape
from harness.gateway.wire.xml import decode_xml

# Buckets of before 2018 may have names of up to 255 characters, with capital letters and underscores (S3 user guide).
_BUCKET = re.compile(r"[A-Za-z0-9._-]{3,255}")
_LONGEST_KEY = 1024  # bytes (S3 user guide, object keys)
_GENERAL_HEADERS = frozenset(
    ("content-type", "content-encoding", "content-md5", "x-amz-content-sha256", "x-amz-decoded-content-length",
     "x-amz-trailer", "x-amz-security-token")
)  # fmt: skip
"""Headers that an operation's model does not have, and that say something about its body or its sender."""


def invalid_uri() -> AwsError:
    """A path that is no percent-encoded UTF-8 (S3 API reference, error responses)."""
    return AwsError("InvalidURI", "Couldn't parse the specified URI.", 400)


def operation_of(
    method: str, path: str, query: str, headers: Mapping[str, str]
) -> tuple[OperationModel | None, dict[str, str]]:
    """The operation of a request, None if botocore does not know it, and the labels Bucket and Key.

    The bucket is in the path or, virtual-host style, in the host (``BUCKET.s3.HOST``).

    Raises AwsError InvalidBucketName, InvalidURI or KeyTooLongError for names that S3 does not take.
    """
    host = headers.get("host", "").partition(":")[0]
    if ".s3." in host:
        path = f"/{host.partition('.s3.')[0]}{path}"
    bucket, _, key = path.lstrip("/").partition("/")
    labels = {name: _unescaped(value) for name, value in (("Bucket", bucket), ("Key", key)) if value}
    if "Bucket" in labels and not _BUCKET.fullmatch(labels["Bucket"]):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400)
    if len(labels.get("Key", "").encode()) > _LONGEST_KEY:
        raise AwsError("KeyTooLongError", "Your key is too long", 400)
    parameters = single_values(pairs(query))
    # Of the operations that share the path, a required header or query parameter tells which one it is.
    candidates = [
        operation
        for operation, _ in rest_router("s3").matches(method, path, query)
        if all(name.lower() in headers or name in parameters for name in _required(operation))
    ]
    return max(
        candidates, key=lambda operation: (_query_length(operation), len(_required(operation))), default=None
    ), labels


def _unescaped(text: str) -> str:
    try:
        return unescape(text)
    except ValueError:
        raise invalid_uri() from None


def members_in_body(operation: OperationModel, body: bytes) -> dict[str, Any]:
    """The members in the body of an operation that is not streamed. Raises AwsError MalformedXML."""
    shape = operation.input_shape
    if shape is None or not body:
        return {}
    payload = shape.serialization.get("payload")
    if payload is None:
        in_body = any("location" not in inner.serialization for inner in shape.members.values())
        return decode_xml(shape, body) if in_body else {}
    inner = shape.members[payload]
    if isinstance(inner, StructureShape):
        return {payload: decode_xml(inner, body)}
    return {payload: decode_text(body, payload)}


def named_objects(operation: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members, with the keys of the objects that a DeleteObjects names, by which it is authorized."""
    if operation != "DeleteObjects":
        return members
    objects = (members.get("Delete") or {}).get("Objects") or []
    return {**members, "Key": [item["Key"] for item in objects if item.get("Key")]}


def canonical_query(operation: OperationModel, query: str) -> list[tuple[str, str]]:
    """The parameters of a request that are its operation's: those that name it, and its members'."""
    literal = pairs(str(operation.http["requestUri"]).partition("?")[2])
    known = _names(operation, "querystring")
    named = {name for name, _ in literal}
    return [*literal, *((name, value) for name, value in pairs(query) if name in known and name not in named)]


def canonical_headers(operation: OperationModel, headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers of a request that are its operation's, or describe its body."""
    known = {name.lower() for name in _names(operation, "header")} | _GENERAL_HEADERS
    prefixes = tuple(name.lower() for name in _names(operation, "headers"))
    return [
        (name, value) for name, value in headers.items() if name in known or (prefixes and name.startswith(prefixes))
    ]


@cache
def _names(operation: OperationModel, location: str) -> frozenset[str]:
    """The names of an operation's members in a part of the request."""
    shape = operation.input_shape
    members = {} if shape is None else shape.members
    return frozenset(
        str(member.serialization["name"])
        for member in members.values()
        if member.serialization.get("location") == location
    )


@cache
def _required(operation: OperationModel) -> tuple[str, ...]:
    """Names of the headers and query parameters that a request to the operation must have."""
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape is not None else []
    return tuple(
        str(member.serialization["name"])
        for member in members
        if member.serialization.get("location") in ("querystring", "header")
    )


@cache
def _query_length(operation: OperationModel) -> int:
    """Length of the literal query in the operation's path."""
    return len(str(operation.http["requestUri"].partition("?")[2]))


async def cors_rules(backend: Backend, bucket: str) -> Sequence[Mapping[str, Any]]:
    """The rules of a bucket's CORS configuration (botocore's CORSRule); none if it has no configuration."""
    try:
        rules: Sequence[Mapping[str, Any]] = (await backend.call("s3", "get_bucket_cors", Bucket=bucket))["CORSRules"]
    except (ClientError, BotoCoreError):
        return ()
    return rules
