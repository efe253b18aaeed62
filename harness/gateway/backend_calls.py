"""Requests to the backend: authorized as AWS would, handed on, and noted where they change who may do what."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from typing import Any, cast

from botocore import parsers
from botocore.model import OperationModel

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.core.errors import AwsError
from harness.gateway import s3
from harness.gateway.authorizer import Authorizer, Identity, RequestDetails, takes_unsigned
from harness.gateway.backend_services import (
    S3,
    changes_buckets,
    changes_iam,
    completed,
    has_foreign_token,
    has_http_actions,
    issues_key,
    policy_member,
)
from harness.gateway.forward import Forwarder
from harness.gateway.http import Exchange
from harness.gateway.identify import AwsRequest
from harness.gateway.wire.codec import decode_request
from harness.gateway.wire.models import is_known_service, service_model
from harness.gateway.wire.query import decode_query

# More than any service takes in one request: DynamoDB takes 16 MB, Kinesis 10 MB. S3's bodies are streamed.
_BODY_LIMIT = 20 * 1024 * 1024
# Botocore, policyDocumentType.
_LONGEST_POLICY = 131_072


class BackendCalls:
    """region: the region of a request that names none."""

    def __init__(self, directory: Directory, authorizer: Authorizer, forwarder: Forwarder, region: str) -> None:
        self._directory = directory
        self._authorizer = authorizer
        self._forwarder = forwarder
        self._region = region

    async def serve(self, exchange: Exchange, request: AwsRequest, identity: Identity, form: bytes | None) -> None:
        """Serves one request. form: its body, if it was read already. Raises AwsError, in AWS's words, to refuse it."""
        service, operation = request.service, request.operation_name
        if has_foreign_token(service, operation):
            raise errors.unverifiable_token(operation)
        limited = identity.principal.kind != "root"
        read_body = operation in s3.READ_BODIES if service == S3 else limited
        body = await exchange.body(_BODY_LIMIT) if form is None and read_body else form
        if limited:
            self._authorizer.verify(identity, request.credential, exchange.head, body, request.protocol)
        members: Mapping[str, Any] = {}
        if limited or policy_member(service, operation) is not None or issues_key(service, operation):
            members = _members(request, exchange, body or b"")
        if limited and not (identity.key is None and takes_unsigned(request)):
            await self._authorize(exchange, request, identity, members)
        _check_policy(request, members)
        if issues_key(service, operation) and request.operation is not None:
            note_key = partial(self._note_key, request.operation, members, identity)
            await self._forwarder.forward(exchange, body, note_key)
        else:
            await self._forwarder.forward(exchange, body)
        self._note_changes(request, members, body or b"", exchange)

    async def _authorize(
        self, exchange: Exchange, request: AwsRequest, identity: Identity, members: Mapping[str, Any]
    ) -> None:
        credential = request.credential
        region, signing_name = (credential.region, credential.signing_name) if credential else ("", request.service)
        place = AccountRegion(region or self._region, self._directory.account)
        details = RequestDetails(exchange.head, exchange.source, place.region, members)
        if has_http_actions(request.service):
            permissions = [http_need(exchange.head.method, exchange.head.path, place)]
        else:
            model = service_model(request.service) if is_known_service(request.service) else None
            prefix = prefix_of(request.service, model, signing_name)
            operation = request.operation_name or exchange.head.method
            permissions = list(needs(prefix, operation, _with_defaults(request, identity, members), place))
        await self._authorizer.require(identity, permissions, details, request.protocol)
        for need in permissions:
            if roles := passed_roles(need.action, members):
                prefix = need.action.partition(":")[0]
                await self._authorizer.require_pass_role(identity, roles, prefix, details, request.protocol)

    def _note_key(
        self, operation: OperationModel, members: Mapping[str, Any], identity: Identity, status: int, body: bytes
    ) -> None:
        """Keeps the access key in an answer of the backend."""
        if status >= 300:
            return
        parser: Any = parsers.create_parser("query")
        answer = parser.parse({"status_code": status, "headers": {}, "body": body}, operation.output_shape)
        self._directory.note_key(operation.name, members, answer, identity.principal)

    def _note_changes(self, request: AwsRequest, members: Mapping[str, Any], body: bytes, exchange: Exchange) -> None:
        """Tells the directory what a request has changed."""
        operation = request.operation_name
        if changes_buckets(request.service, operation):
            self._directory.buckets_changed()
        if not changes_iam(request.service, operation):
            return
        self._directory.iam_changed()
        if operation in ("DeleteAccessKey", "UpdateAccessKey"):
            members = members or _members(request, exchange, body)
            key_id, keys = members.get("AccessKeyId", ""), self._directory.state.keys
            if operation == "DeleteAccessKey":
                keys.delete(key_id)
            else:
                keys.set_active(key_id, active=members.get("Status") == "Active")


def _members(request: AwsRequest, exchange: Exchange, body: bytes) -> Mapping[str, Any]:
    """The request's members, as far as they can be read. A malformed body is left to the backend to refuse."""
    operation, head = request.operation, exchange.head
    if operation is None:
        return dict(request.labels)
    try:
        if request.protocol in ("query", "ec2"):
            return decode_query(operation, body, head.query)
        if request.protocol == "smithy-rpc-v2-cbor":
            return _from_cbor(body)
        if request.protocol == "rest-xml":
            without_body = decode_request(operation, request.labels, head.query, head.headers, b"")
            in_body = s3.members_in_body(request.operation_name, body) if request.service == S3 else {}
            return {**request.labels, **without_body, **in_body}
        return decode_request(operation, request.labels, head.query, head.headers, body)
    except AwsError:
        return dict(request.labels)


def _from_cbor(body: bytes) -> Mapping[str, Any]:
    parser: Any = parsers.create_parser("smithy-rpc-v2-cbor")
    try:
        item = parser.parse_data_item(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(body))))
    except Exception:
        # For malformed bytes botocore's parser raises errors of many kinds.
        return {}
    return item if isinstance(item, Mapping) else {}


def _with_defaults(request: AwsRequest, identity: Identity, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members, with what the service takes for one that is left out."""
    shape = request.operation.input_shape if request.operation is not None else None
    if shape is None:
        return members
    optional = frozenset(shape.members).difference(shape.required_members)
    principal = identity.principal
    return completed(request.service, optional, members, principal.name if principal.kind == "user" else "")


def _check_policy(request: AwsRequest, members: Mapping[str, Any]) -> None:
    """Raises AwsError for a policy that AWS would not take: the backend may take it."""
    policy = policy_member(request.service, request.operation_name)
    if policy is None:
        return
    member, attachment = policy
    document = members.get(member)
    if not isinstance(document, str):
        return
    if request.service != S3 and len(document) > _LONGEST_POLICY:
        name = member[0].lower() + member[1:]
        message = (
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_LONGEST_POLICY}"
        )
        raise AwsError("ValidationError", message, 400)
    default = "bucket policy" if attachment == "resource" else "document"
    name = str(members.get("PolicyName") or members.get("RoleName") or default)
    try:
        parse_policy(name, document, attachment)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error), request.service) from None
