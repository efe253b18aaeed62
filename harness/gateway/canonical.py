"""Reads a request's members, and writes the request that goes to the backend: from what was read, never from the bytes.

The gateway decides on the members. A backend that parsed the client's bytes itself could read another action, resource
or parameter in them. So botocore's serializer writes the members again: one action, each value once, the bucket in the
path, and an Authorization that names the service and region of the decision. Only objects of S3 keep their bytes.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote, unquote

from botocore.model import OperationModel
from botocore.serialize import create_serializer

from harness.access.rules.signature import ALGORITHM
from harness.backend.transport import BackendRequest
from harness.core.errors import AwsError, shown
from harness.gateway import s3
from harness.gateway.backend_services import S3
from harness.gateway.identify import CBOR, AwsRequest, Head
from harness.gateway.wire.cbor import decode_cbor
from harness.gateway.wire.codec import decode_json, decode_locations, decode_request
from harness.gateway.wire.models import has_blob_payload, rest_router
from harness.gateway.wire.parameters import write, write_form
from harness.gateway.wire.query import decode_query

# A name or address with a port. Queues' URLs begin with the host that the client called.
_HOST = re.compile(r"([A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?")
# A host name that AWS's services are told by; nobody reaches the harness by it.
_AWS_HOST = re.compile(r"amazonaws|s3-control", re.IGNORECASE)
_PLAIN_HOST = "localhost"
# The access key of an unsigned request, and a signature: the gateway has verified the real one.
_NOBODY = "ANONYMOUS"
_VERIFIED = "0" * 64


def members_of(request: AwsRequest, head: Head, body: bytes) -> dict[str, Any]:
    """The request's members by their botocore names, without an S3 object's content.

    body: decompressed; empty for an object of S3. Raises AwsError for members that cannot be read.
    """
    operation, protocol = request.operation, request.protocol
    if protocol in ("query", "ec2"):
        return decode_query(operation, request.fields)
    if protocol == CBOR:
        return decode_cbor(operation, body)
    if protocol == "json":
        return decode_json(operation, body)
    if protocol != "rest-xml":
        return decode_request(operation, request.labels, head.query, head.headers, body)
    shape = operation.input_shape
    if shape is None:
        return {}
    located = decode_locations(shape, request.labels, head.query, head.headers)
    if request.service == S3 and has_blob_payload(operation):
        return located
    return {**located, **s3.members_in_body(operation, body)}


def canonical(
    request: AwsRequest, head: Head, members: Mapping[str, Any], stream: AsyncIterator[bytes] | None, region: str
) -> BackendRequest:
    """The request for the backend. stream: an S3 object's content. region: of a request that names none.

    Raises AwsError for members that botocore cannot write, and for a path that could be read in two ways.
    """
    if request.service == S3:
        return _s3_request(request, head, members, stream, region)
    written = _serialized(request, members)
    path, _, literal_query = str(written["url_path"]).partition("?")
    _check_one_reading(request, path, literal_query)
    query = "&".join(part for part in (literal_query, _query(written["query_string"])) if part)
    body = written["body"]
    content = write_form(body.items()) if isinstance(body, dict) else body
    headers = {str(name).lower(): _text(value) for name, value in written["headers"].items()}
    own = [("host", _host(head)), *_authorization(request, head, region)]
    named = [(name, value) for name, value in headers.items() if name not in ("host", "authorization")]
    if "content-type" not in headers and content and "content-type" in head.headers:
        named.append(("content-type", head.headers["content-type"]))
    return BackendRequest(
        str(written["method"]), path, query, [*own, *named, ("content-length", str(len(content)))], content
    )


def _serialized(request: AwsRequest, members: Mapping[str, Any]) -> dict[str, Any]:
    try:
        written: dict[str, Any] = _serializer(request.protocol).serialize_to_request(dict(members), request.operation)
    except Exception as error:
        # A null in a list, for example: botocore's serializers raise errors of many kinds for what they do not expect.
        message = f"The request cannot be read as {request.operation_name}: {type(error).__name__}."
        raise AwsError("SerializationException", message) from None
    content = written["body"]
    if isinstance(content, str):
        written["body"] = content.encode()
    return written


@cache
def _serializer(protocol: str) -> Any:
    return create_serializer(protocol, include_validation=False)


def _query(parameters: Any) -> str:
    if isinstance(parameters, str):
        return parameters
    given = []
    for name, value in parameters.items():
        given += [(name, _text(item)) for item in value] if isinstance(value, list) else [(name, _text(value))]
    return write(given)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _check_one_reading(request: AwsRequest, path: str, query: str) -> None:
    """Raises AwsError if the path without its escapes is another operation's: WSGI, for example, has no escapes."""
    if not request.protocol.startswith("rest-") or "%" not in path:
        return
    plain = quote(unquote(path), safe="/")
    others = rest_router(request.service).match(request.operation.http["method"], plain, query)
    if others is not None and others[0].name != request.operation_name:
        message = f"The path {shown(path)} could be read as {others[0].name} too: use a name without a slash."
        raise AwsError("ValidationException", message)


def _s3_request(
    request: AwsRequest, head: Head, members: Mapping[str, Any], stream: AsyncIterator[bytes] | None, region: str
) -> BackendRequest:
    operation = request.operation
    bucket, key = request.labels.get("Bucket"), request.labels.get("Key")
    path = (
        "/" if bucket is None else f"/{quote(bucket, safe='')}" + ("" if key is None else f"/{quote(key, safe='/~')}")
    )
    headers = s3.canonical_headers(operation, head.headers)
    own = [("host", _PLAIN_HOST), *_authorization(request, head, region)]
    body: bytes | AsyncIterator[bytes] | None = stream
    if stream is None:
        body = b"" if not _has_body(operation, members) else _serialized(request, members)["body"]
        # They describe the bytes that the client sent, and were compared with them.
        headers = [(name, value) for name, value in headers if name not in _OF_THE_BYTES]
        own.append(("content-length", str(len(body))))
    elif "content-length" in head.headers:
        own.append(("content-length", head.headers["content-length"]))
    query = write(s3.canonical_query(operation, head.query))
    # Content-Length is a member of PutObject and UploadPart too; a server may refuse a request that has it twice.
    once = {name for name, _ in own}
    headers = [*own, *((name, value) for name, value in headers if name not in once)]
    return BackendRequest(str(operation.http["method"]), path, query, headers, body)


_OF_THE_BYTES = frozenset(("content-md5", "content-encoding", "x-amz-content-sha256", "x-amz-decoded-content-length"))


def _has_body(operation: OperationModel, members: Mapping[str, Any]) -> bool:
    shape = operation.input_shape
    return shape is not None and any(
        "location" not in shape.members[name].serialization for name in members if name in shape.members
    )


def _host(head: Head) -> str:
    host = head.headers.get("host", "")
    return host if _HOST.fullmatch(host) and not _AWS_HOST.search(host) else _PLAIN_HOST


def _authorization(request: AwsRequest, head: Head, region: str) -> list[tuple[str, str]]:
    """The headers that say who calls which service where, as the gateway has read it."""
    credential = request.credential
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    if credential is None:
        key, place, service = _NOBODY, region, str(request.operation.service_model.signing_name)
    else:
        key, place, service = credential.access_key, credential.region, credential.signing_name
    scope = f"{key}/{stamp[:8]}/{place}/{service}/aws4_request"
    value = f"{ALGORITHM} Credential={scope}, SignedHeaders=host;x-amz-date, Signature={_VERIFIED}"
    token = head.headers.get("x-amz-security-token") or (credential.token if credential else "")
    headers = [("authorization", value), ("x-amz-date", stamp)]
    return [*headers, ("x-amz-security-token", token)] if token and request.service != S3 else headers
