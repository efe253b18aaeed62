"""Names a request: its credential, service, protocol and operation, read off the wire before anything is believed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote

from harness.access.errors import missing_token
from harness.access.rules.signature import Signature
from harness.core.errors import AwsError
from harness.gateway.wire.models import (
    OperationModel,
    first_segments,
    is_known_service,
    rest_router,
    service_for,
    service_model,
)

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_SIGNATURE = re.compile(r"SignedHeaders=([^,\s]+).*?Signature=([0-9A-Za-z]+)")
_FORM = "application/x-www-form-urlencoded"
_WITHOUT_A_SIGNATURE = ("logs",)
"""Services of the backend of which an unsigned request is recognized, beside the owned ones."""


@dataclass(frozen=True, slots=True)
class Credential:
    """What a signature claims (SigV4's credential scope). token: of a presigned URL; a header has its own."""

    access_key: str
    region: str
    signing_name: str
    day: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an HTTP request: raw path and query as they came, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_form(self) -> bool:
        """Whether the operation's name is in the body (the query protocol)."""
        return self.method == "POST" and self.content_type == _FORM


@dataclass(frozen=True, slots=True)
class Target:
    """What a request asks for. operation: None where botocore has no model of it (the backend may know better)."""

    service: str
    protocol: str
    credential: Credential | None
    operation_name: str
    operation: OperationModel | None
    labels: Mapping[str, str] = field(default_factory=dict)


def credential_of(head: Head) -> Credential | None:
    """The credential of an Authorization header or a presigned URL, or None for an unsigned request.

    Raises AwsError IncompleteSignature for an Authorization header that is not SigV4's.
    """
    header = head.headers.get("authorization")
    if header:
        found = _CREDENTIAL.search(header)
        if not found or not header.startswith("AWS4-HMAC-SHA256"):
            raise AwsError(
                "IncompleteSignature", "The Authorization header must be an AWS Signature Version 4 header.", 403
            )
        access_key, day, region, signing_name = found.groups()
        return _in_a_region(Credential(access_key, region, signing_name, day))
    if "X-Amz-Credential=" in head.query and "X-Amz-Credential" in (asked := parse_qs(head.query)):
        scope = asked["X-Amz-Credential"][0].split("/")
        if len(scope) != 5:
            raise AwsError("AuthorizationQueryParametersError", "The X-Amz-Credential parameter is malformed.", 400)
        token = asked.get("X-Amz-Security-Token", [""])[0]
        return _in_a_region(Credential(scope[0], scope[2], scope[3], scope[1], token))
    return None


_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")


def _in_a_region(credential: Credential) -> Credential:
    """Raises AwsError for a scope whose region could be none: it also names folders of what is deployed there."""
    if not _REGION.fullmatch(credential.region):
        # AWS's sentence, as printed in public issues.
        raise AwsError("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403)
    return credential


def signature_of(head: Head, credential: Credential) -> Signature:
    """The rest of the signature that a credential came with; what is missing is empty, and no signature then."""
    header = head.headers.get("authorization")
    if header:
        found = _SIGNATURE.search(header)
        names, signature = found.groups() if found else ("", "")
        stamp, expires = head.headers.get("x-amz-date", ""), None
    else:
        asked = {name: values[0] for name, values in parse_qs(head.query).items()}
        names, signature = asked.get("X-Amz-SignedHeaders", ""), asked.get("X-Amz-Signature", "")
        given = asked.get("X-Amz-Expires", "")
        stamp, expires = asked.get("X-Amz-Date", ""), int(given) if given.isascii() and given.isdigit() else 0
    return Signature(
        credential.access_key,
        credential.day,
        credential.region,
        credential.signing_name,
        stamp,
        names.split(";"),
        signature,
        expires,
    )


def identify(head: Head, form: bytes = b"", owned: Iterable[str] = ()) -> Target:
    """The target of a request.

    form: the body of a query-protocol request. owned: the services of which an unsigned request is recognized.

    Raises AwsError UnknownOperationException (and its kin) where a service botocore knows has no such operation.
    """
    credential = credential_of(head)
    signing_name = credential.signing_name if credential else _guess_signing_name(head, owned)
    target = head.headers.get("x-amz-target", "")
    service = service_for(signing_name, head.path, target)
    if not is_known_service(service):
        return Target(service, "rest-json", credential, "", None)
    protocol = protocol_of(head, service)
    if protocol in ("json", "smithy-rpc-v2-cbor", "query", "ec2"):
        name = _operation_name(head, protocol, target, form)
        model = service_model(service)
        if name not in model.operation_names:
            raise _unknown_operation(protocol, name) if credential else missing_token(protocol)
        return Target(service, protocol, credential, name, model.operation_model(name))
    if service == "s3":
        return _s3_target(head, credential)
    found = rest_router(service).match(head.method, head.path, head.query)
    if found is None and protocol == "rest-xml":
        return Target(service, protocol, credential, "", None)
    if found is None:
        raise AwsError("UnknownOperationException", f"No operation of {service} is {head.method} {head.path}", 404)
    operation, labels = found
    return Target(service, protocol, credential, operation.name, operation, labels)


def _s3_target(head: Head, credential: Credential | None) -> Target:
    """A bucket is named in the path or, virtual-host style, in the host (``BUCKET.s3.HOST``)."""
    host = head.headers.get("host", "").partition(":")[0]
    path = f"/{host.partition('.s3.')[0]}{head.path}" if ".s3." in host else head.path
    # Operations share paths: which one it is, a required header or parameter of the query tells.
    asked = parse_qs(head.query, keep_blank_values=True)
    possible = [
        (len(_literals(operation)), len(_needed(operation)), operation.name)
        for operation, _ in rest_router("s3").matches(head.method, path, head.query)
        if all(name.lower() in head.headers or name in asked for name in _needed(operation))
    ]
    bucket, _, key = path.lstrip("/").partition("/")
    labels = {name: unquote(value) for name, value in (("Bucket", bucket), ("Key", key)) if value}
    if not possible:
        return Target("s3", "rest-xml", credential, "", None, labels)
    name = max(possible, key=lambda one: one[:2])[2]
    return Target("s3", "rest-xml", credential, name, service_model("s3").operation_model(name), labels)


@cache
def _needed(operation: OperationModel) -> tuple[str, ...]:
    """Names of the headers and query parameters that a request to an operation has to have."""
    shape = operation.input_shape
    members = [shape.members[name] for name in shape.required_members] if shape is not None else []
    return tuple(
        str(one.serialization["name"])
        for one in members
        if one.serialization.get("location") in ("querystring", "header")
    )


@cache
def _literals(operation: OperationModel) -> str:
    return str(operation.http["requestUri"].partition("?")[2])


def protocol_of(head: Head, service: str) -> str:
    """The protocol a request is written in: a service may speak several, and its clients choose."""
    if head.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in head.headers:
        return "json"
    named: Mapping[str, Any] = service_model(service).metadata if is_known_service(service) else {}
    protocol = str(named.get("protocol", "rest-json"))
    if head.is_form or "Action=" in head.query:
        return "ec2" if protocol == "ec2" else "query"
    return protocol


def _operation_name(head: Head, protocol: str, target: str, form: bytes) -> str:
    if protocol == "json":
        return target.rpartition(".")[2]
    if protocol == "smithy-rpc-v2-cbor":
        return head.path.rstrip("/").rpartition("/")[2]
    fields = parse_qs(form.decode("utf-8", "replace")) | parse_qs(head.query)
    return fields.get("Action", [""])[0]


def _unknown_operation(protocol: str, name: str) -> AwsError:
    if protocol in ("query", "ec2"):
        return AwsError("InvalidAction", f"The action {name or '(none)'} is not valid for this web service.", 400)
    return AwsError("UnknownOperationException", f"The requested operation {name or '(none)'} is not recognized.", 400)


def _guess_signing_name(head: Head, owned: Iterable[str]) -> str:
    """The service of an unsigned request, so that it is refused (or let through) in that service's own shape."""
    target = head.headers.get("x-amz-target", "")
    first = unquote(head.path).lstrip("/").partition("/")[0]
    for service in (*owned, *_WITHOUT_A_SIGNATURE):
        model = service_model(service)
        if target.startswith(f"{model.metadata.get('targetPrefix', target)}.") or (
            first and first in first_segments(service)
        ):
            return model.signing_name
    if head.is_form or "Action=" in head.query:
        return "sts"
    return "s3"
