"""Identifies a request by its head: the credential, the service, the protocol and the operation.

Nothing is verified here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote

from harness.access.errors import missing_token, no_such_method
from harness.access.rules.signature import ALGORITHM, Signature
from harness.core.calls import Service
from harness.core.errors import AwsError, shown
from harness.gateway import s3
from harness.gateway.backend_services import KNOWN_UNSIGNED, S3, UNSIGNED_FORM, service_of
from harness.gateway.wire.models import OperationModel, first_segments, is_known_service, rest_router, service_model

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_SIGNATURE = re.compile(r"SignedHeaders=([^,\s]+).*?Signature=([0-9A-Za-z]+)")
_REGION = re.compile(r"[A-Za-z0-9-]{1,64}")
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

    service: botocore's name. labels: the parts of the path that are members.
    """

    service: str
    protocol: str
    credential: Credential | None
    operation_name: str
    operation: OperationModel
    labels: Mapping[str, str] = field(default_factory=dict)


# ---- the signature


def credential_of(head: Head) -> Credential | None:
    """The credential of an Authorization header or a presigned URL; None for an unsigned request.

    Raises AwsError IncompleteSignature for an Authorization header that is not SigV4's.
    """
    header = head.headers.get("authorization")
    if header:
        match = _CREDENTIAL.search(header)
        if not match or not header.startswith(ALGORITHM):
            raise AwsError(
                "IncompleteSignature", "The Authorization header must be an AWS Signature Version 4 header.", 403
            )
        access_key, day, region, signing_name = match.groups()
        return _checked(Credential(access_key, region, signing_name, day))
    if "X-Amz-Credential=" in head.query and "X-Amz-Credential" in (parameters := parse_qs(head.query)):
        scope = parameters["X-Amz-Credential"][0].split("/")
        if len(scope) != 5:
            raise AwsError("AuthorizationQueryParametersError", "The X-Amz-Credential parameter is malformed.", 400)
        token = parameters.get("X-Amz-Security-Token", [""])[0]
        return _checked(Credential(scope[0], scope[2], scope[3], scope[1], token))
    return None


def _checked(credential: Credential) -> Credential:
    """Raises AwsError if the region cannot be one. Folders of what is deployed there are named after it."""
    if not _REGION.fullmatch(credential.region):
        # AWS's sentence, as printed in public issues.
        raise AwsError("SignatureDoesNotMatch", "Credential should be scoped to a valid region.", 403)
    return credential


def signature_of(head: Head, credential: Credential) -> Signature:
    """The signature that came with a credential. Parts that are missing are empty, and then it does not hold."""
    header = head.headers.get("authorization")
    if header:
        match = _SIGNATURE.search(header)
        names, value = match.groups() if match else ("", "")
        stamp, expires = head.headers.get("x-amz-date", ""), None
    else:
        parameters = {name: values[0] for name, values in parse_qs(head.query).items()}
        names, value = parameters.get("X-Amz-SignedHeaders", ""), parameters.get("X-Amz-Signature", "")
        seconds = parameters.get("X-Amz-Expires", "")
        stamp = parameters.get("X-Amz-Date", "")
        expires = int(seconds) if seconds.isascii() and seconds.isdigit() else 0
    return Signature(
        credential.access_key,
        credential.day,
        credential.region,
        credential.signing_name,
        stamp,
        names.split(";"),
        value,
        expires,
    )


# ---- service, protocol, operation


def identify(head: Head, form: bytes = b"", services: Services = _NO_SERVICES) -> AwsRequest:
    """What a request asks for. form: the body of a request of the query protocol.

    Raises AwsError UnknownOperationException (or the protocol's own) if botocore's model has no such operation.
    """
    credential = credential_of(head)
    signing_name = credential.signing_name if credential else _unsigned(head, services)
    service = service_for(signing_name, head, services)
    if not is_known_service(service):
        raise AwsError("UnknownOperationException", f"No service of AWS signs as {shown(service)}.", 404)
    protocol = protocol_of(head, service)
    if protocol in ("json", "smithy-rpc-v2-cbor", "query", "ec2"):
        name = _operation_name(head, protocol, form)
        model = service_model(service)
        if name not in model.operation_names:
            raise _unknown_operation(protocol, name) if credential else missing_token(protocol)
        return AwsRequest(service, protocol, credential, name, model.operation_model(name))
    if service == S3:
        operation, labels = s3.operation_of(head.method, head.path, head.query, head.headers)
        if operation is None:
            raise no_such_method() if credential else missing_token("rest-xml")
        return AwsRequest(service, "rest-xml", credential, operation.name, operation, labels)
    route = rest_router(service).match(head.method, head.path, head.query)
    if route is None:
        raise AwsError("UnknownOperationException", f"No operation of {service} is {head.method} {head.path}", 404)
    operation, labels = route
    return AwsRequest(service, protocol, credential, operation.name, operation, labels)


def service_for(signing_name: str, head: Head, services: Services) -> str:
    """botocore's name of the service that a request is for; the signing name if botocore does not know it.

    Owned services that share a signing name (``sagemaker`` and ``sagemaker-runtime``) are told apart by the path.
    """
    for name, service in services.items():
        if (service.signing_name or name) == signing_name and head.first_segment in first_segments(name):
            return name
    return service_of(signing_name, head.target)


def protocol_of(head: Head, service: str) -> str:
    """The protocol of a request: a service may speak several, and its clients choose."""
    if head.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in head.headers:
        return "json"
    metadata: Mapping[str, Any] = service_model(service).metadata if is_known_service(service) else {}
    protocol = str(metadata.get("protocol", "rest-json"))
    if head.is_form or "Action=" in head.query:
        return "ec2" if protocol == "ec2" else "query"
    return protocol


def refusal_protocol(head: Head, services: Services) -> str:
    """The protocol to refuse a request in, which may be malformed: as well as it can be told."""
    try:
        credential = credential_of(head)
    except AwsError:
        credential = None
    if credential is None:
        try:
            unsigned = Head(head.method, head.path, head.query, {**head.headers, "authorization": ""})
            return identify(unsigned, b"", services).protocol
        except AwsError:
            return protocol_of(head, "")
    service = service_for(credential.signing_name, head, services)
    return protocol_of(head, service) if is_known_service(service) else "rest-json"


def _operation_name(head: Head, protocol: str, form: bytes) -> str:
    if protocol == "json":
        return head.target.rpartition(".")[2]
    if protocol == "smithy-rpc-v2-cbor":
        return head.path.rstrip("/").rpartition("/")[2]
    fields = parse_qs(form.decode("utf-8", "replace")) | parse_qs(head.query)
    return fields.get("Action", [""])[0]


def _unknown_operation(protocol: str, name: str) -> AwsError:
    if protocol in ("query", "ec2"):
        return AwsError("InvalidAction", f"The action {name or '(none)'} is not valid for this web service.", 400)
    return AwsError("UnknownOperationException", f"The requested operation {name or '(none)'} is not recognized.", 400)


def _unsigned(head: Head, services: Services) -> str:
    """The signing name of the service that an unsigned request is probably for, so that its protocol can be used."""
    segment = head.first_segment
    if known := KNOWN_UNSIGNED.get(head.target.partition(".")[0]):
        return known
    for name in services:
        model = service_model(name)
        prefix = model.metadata.get("targetPrefix")
        if (prefix and head.target.startswith(f"{prefix}.")) or (segment and segment in first_segments(name)):
            return model.signing_name
    return UNSIGNED_FORM if head.is_form or "Action=" in head.query else S3
