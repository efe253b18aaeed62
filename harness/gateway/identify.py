"""Identifies a request by its head: the credential, the service, the protocol and the operation.

Nothing is verified here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from urllib.parse import unquote

from harness.access.errors import missing_token, no_such_method
from harness.access.rules.signature import Signature
from harness.core.calls import Service
from harness.core.errors import AwsError, shown
from harness.gateway import authorization, s3
from harness.gateway.backend_services import KNOWN_UNSIGNED, S3, UNSIGNED_FORM, has_paths, service_of
from harness.gateway.wire.models import (
    OperationModel,
    first_segments,
    is_known_service,
    protocols,
    rest_router,
    service_model,
)
from harness.gateway.wire.parameters import form_pairs, pairs, single_values, unescape

CBOR = "smithy-rpc-v2-cbor"
RPC_PROTOCOLS = frozenset(("json", CBOR, "query", "ec2"))
"""Protocols whose operations are not told by method and path."""
_ANY_PROTOCOL = ("rest-json", "json", CBOR, "query")
_FORM = "application/x-www-form-urlencoded"

Services = Mapping[str, Service]
"""The services that the harness owns, by botocore's names."""
_NO_SERVICES: Services = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Credential:
    """What a signature claims (SigV4's credential scope). token: a presigned URL's; a signed header has its own."""

    access_key: str
    region: str
    signing_name: str
    day: str = ""
    token: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """The head of an HTTP request: raw path and query, header names in lower case."""

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

    @property
    def target(self) -> str:
        """X-Amz-Target, which names the operation in the JSON protocols."""
        return self.headers.get("x-amz-target", "")

    @property
    def first_segment(self) -> str:
        """The first segment of the path, without its escapes."""
        return unquote(self.path).lstrip("/").partition("/")[0]


@dataclass(frozen=True, slots=True)
class AwsRequest:
    """What an HTTP request asks of AWS.

    service: botocore's name. labels: the parts of the path that are members. fields: the parameters of a request of
    the query protocol, which stand in its URL or its body.
    """

    service: str
    protocol: str
    credential: Credential | None
    operation_name: str
    operation: OperationModel
    labels: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


# ---- the signature


def credential_of(head: Head) -> Credential | None:
    """The credential of an Authorization header or a presigned URL; None for an unsigned request.

    Raises AwsError for one that is not SigV4's (harness.gateway.authorization), and for both in one request.
    """
    signature, token = _signature_of(head)
    if signature is None:
        return None
    return Credential(signature.access_key, signature.region, signature.service, signature.day, token)


def signature_of(head: Head) -> Signature:
    """The signature of a request that has a credential."""
    signature, _ = _signature_of(head)
    assert signature is not None, "the request is not signed"
    return signature


def _signature_of(head: Head) -> tuple[Signature | None, str]:
    header = head.headers.get("authorization")
    query = dict(pairs(head.query)) if "X-Amz-" in head.query or "%" in head.query or "Signature" in head.query else {}
    authorization.refuse_two(header, query)
    if header:
        return authorization.from_header(header, head.headers.get("x-amz-date", "")), ""
    if not query:
        return None, ""
    return authorization.from_query(single_values(pairs(head.query))) or (None, "")


# ---- service, protocol, operation


def identify(head: Head, form: bytes = b"", services: Services = _NO_SERVICES) -> AwsRequest:
    """What a request asks for. form: the body of a request of the query protocol, decompressed.

    Raises AwsError UnknownOperationException (or the protocol's own) if botocore's model has no such operation, and
    other errors for a path, query or form that is malformed or says a thing twice.
    """
    credential = credential_of(head)
    signing_name = credential.signing_name if credential else _unsigned(head, services)
    service = service_for(signing_name, head, services)
    if not is_known_service(service):
        raise AwsError("UnknownOperationException", f"No service of AWS signs as {shown(service)}.", 404)
    protocol = protocol_of(head, service)
    _check_path(head, service, protocol)
    if protocol in RPC_PROTOCOLS:
        fields = _fields(head, form) if protocol in ("query", "ec2") else {}
        name = _operation_name(head, service, protocol, fields)
        model = service_model(service)
        if name not in model.operation_names:
            raise _unknown_operation(protocol, name) if credential else missing_token(protocol)
        return AwsRequest(service, protocol, credential, name, model.operation_model(name), fields=fields)
    if service == S3:
        operation, labels = s3.operation_of(head.method, head.path, head.query, head.headers)
        if operation is None:
            raise no_such_method() if credential else missing_token("rest-xml")
        return AwsRequest(service, "rest-xml", credential, operation.name, operation, labels)
    route = rest_router(service).match(head.method, head.path, head.query)
    if route is None:
        what = f"{head.method} {head.path}"
        raise AwsError("UnknownOperationException", f"No operation of {service} is {shown(what)}", 404)
    operation, labels = route
    return AwsRequest(service, protocol, credential, operation.name, operation, labels)


def _check_path(head: Head, service: str, protocol: str) -> None:
    """Raises AwsError for a path that is no percent-encoded UTF-8, or that an operation of the protocol cannot have."""
    try:
        path = unescape(head.path)
    except ValueError:
        path = "\0"
    if "\0" in path and service == S3:
        raise s3.invalid_uri()
    if "\0" in path:
        raise AwsError("UnknownOperationException", f"No operation of {service} has the path {shown(head.path)}", 404)
    if protocol in RPC_PROTOCOLS and protocol != CBOR and path not in ("", "/") and not has_paths(service):
        raise _unknown_operation(protocol, f"{head.method} {head.path}")
    if protocol in ("json", CBOR) and head.method != "POST":
        raise _unknown_operation(protocol, f"{head.method} {head.path}")


def _fields(head: Head, form: bytes) -> Mapping[str, str]:
    """The parameters of a request of the query protocol. A name may stand in the URL or in the body, once."""
    given = (*pairs(head.query), *(form_pairs(form) if head.is_form else ()))
    fields = single_values(given)
    return {name: value for name, value in fields.items() if name not in authorization.AUTHORIZATION_PARAMETERS}


def service_for(signing_name: str, head: Head, services: Services) -> str:
    """botocore's name of the service that a request is for; the signing name if botocore does not know it.

    Owned services that share a signing name (``sagemaker`` and ``sagemaker-runtime``) are told apart by the path.
    """
    for name, service in services.items():
        if (service.signing_name or name) == signing_name and head.first_segment in first_segments(name):
            return name
    return service_of(signing_name, head.target, head.first_segment)


def protocol_of(head: Head, service: str) -> str:
    """The protocol of a request: a service may speak several, and its clients choose."""
    spoken = protocols(service) if is_known_service(service) else _ANY_PROTOCOL
    if CBOR in spoken and head.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if "json" in spoken and "x-amz-target" in head.headers:
        return "json"
    if head.is_form or "Action=" in head.query:
        form = next((protocol for protocol in spoken if protocol in ("query", "ec2")), None)
        if form is not None:
            return form
    return spoken[0]


def refusal_protocol(head: Head, services: Services) -> str:
    """The protocol to refuse a request in, which may be malformed: as well as it can be told."""
    try:
        credential = credential_of(head)
        signing_name = credential.signing_name if credential else ""
    except AwsError:
        signing_name = authorization.likely_service(head.headers.get("authorization", ""), head.query)
    if not signing_name:
        try:
            unsigned = Head(head.method, head.path, head.query, {**head.headers, "authorization": ""})
            return identify(unsigned, b"", services).protocol
        except AwsError:
            return protocol_of(head, S3 if _unsigned_name(head, services) == S3 else "")
    service = service_for(signing_name, head, services)
    return protocol_of(head, service) if is_known_service(service) else "rest-json"


def _operation_name(head: Head, service: str, protocol: str, fields: Mapping[str, str]) -> str:
    """The operation that a request names; "" if its target is not the service's own."""
    prefix = service_model(service).metadata.get("targetPrefix", "")
    if protocol == "json":
        given, _, name = head.target.rpartition(".")
        return name if given == prefix else ""
    if protocol == CBOR:
        beginning = f"/service/{prefix}/operation/"
        return head.path.removeprefix(beginning) if head.path.startswith(beginning) else ""
    return fields.get("Action", "")


def _unknown_operation(protocol: str, name: str) -> AwsError:
    shown_name = shown(name) if name else "(none)"
    if protocol in ("query", "ec2"):
        return AwsError("InvalidAction", f"The action {shown_name} is not valid for this web service.", 400)
    return AwsError(
        "UnknownOperationException",
        f"The requested operation {shown_name} is not recognized.",
        400,
    )


def _unsigned(head: Head, services: Services) -> str:
    """The signing name of the service that an unsigned request is probably for. Raises AwsError if there is none."""
    name = _unsigned_name(head, services)
    if not name:
        raise missing_token("json")
    return name


def _unsigned_name(head: Head, services: Services) -> str:
    """The signing name of the service that an unsigned request is probably for; "" if its target is nobody's."""
    segment = head.first_segment
    if known := KNOWN_UNSIGNED.get(head.target.partition(".")[0]):
        return known
    for name in services:
        model = service_model(name)
        prefix = model.metadata.get("targetPrefix")
        if (prefix and head.target.startswith(f"{prefix}.")) or (segment and segment in first_segments(name)):
            return model.signing_name
    if head.target:
        return ""
    return UNSIGNED_FORM if head.is_form or "Action=" in head.query else S3
