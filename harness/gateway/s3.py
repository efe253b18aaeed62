"""Reads S3's requests: several operations share a path, the bucket may be in the host, and most bodies are objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import unescape

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from harness.backend.client import Backend
from harness.gateway.wire.models import rest_router

# Operations whose body says what they act on, or is a policy. Other bodies are objects, which are streamed.
READ_BODIES = frozenset(("DeleteObjects", "PutBucketPolicy"))
_KEY = re.compile(rb"<Key>([^<]*)</Key>")


def operation_of(
    method: str, path: str, query: str, headers: Mapping[str, str]
) -> tuple[OperationModel | None, dict[str, str]]:
    """The operation of a request, None if botocore does not know it, and the labels Bucket and Key.

    The bucket is in the path or, virtual-host style, in the host (``BUCKET.s3.HOST``).
    """
    host = headers.get("host", "").partition(":")[0]
    if ".s3." in host:
        path = f"/{host.partition('.s3.')[0]}{path}"
    bucket, _, key = path.lstrip("/").partition("/")
    labels = {name: unquote(value) for name, value in (("Bucket", bucket), ("Key", key)) if value}
    parameters = parse_qs(query, keep_blank_values=True)
    # Of the operations that share the path, a required header or query parameter tells which one it is.
    candidates = [
        operation
        for operation, _ in rest_router("s3").matches(method, path, query)
        if all(name.lower() in headers or name in parameters for name in _required(operation))
    ]
    return max(
        candidates, key=lambda operation: (_query_length(operation), len(_required(operation))), default=None
    ), labels


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


def members_in_body(operation: str, body: bytes) -> dict[str, Any]:
    """The members that matter for authorization, of an operation of READ_BODIES."""
    if operation == "PutBucketPolicy":
        return {"Policy": body.decode("utf-8", "replace")}
    return {"Key": list(_keys(body))} if operation == "DeleteObjects" else {}


def _keys(body: bytes) -> Iterator[str]:
    """The keys in the XML of a DeleteObjects request."""
    for match in _KEY.finditer(body):
        yield unescape(match[1].decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})
