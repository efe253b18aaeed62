"""Requests to the backend: authorized as AWS would, handed on, and noted where they change who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from botocore import parsers
from botocore.model import OperationModel

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.backend.transport import BackendRequest
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
from harness.gateway.canonical import canonical, members_of
from harness.gateway.content_encoding import decoded
from harness.gateway.forward import Forwarder
from harness.gateway.http import Exchange
from harness.gateway.identify import RPC_PROTOCOLS, AwsRequest, Head
from harness.gateway.wire.models import has_blob_payload, service_model, takes_unsigned_body

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
        head = exchange.head
        streamed = service == S3 and has_blob_payload(request.operation)
        body = form
        if body is None and not streamed:
            body = await exchange.body(_BODY_LIMIT)
        unsigned_body = takes_unsigned_body(request.operation)
        self._authorizer.verify(identity, request.credential, head, body, request.protocol, unsigned_body=unsigned_body)
        if service == S3:
            check = self._authorizer.body_check(identity, request.credential, head)
            if body is not None:
                check.feed(body)
                check.finish()
        members = members_of(request, head, _content(request, head, body or b""))
        sent = canonical(request, head, members, exchange.stream(check) if streamed else None, self._region)
        if identity.principal.kind != "root" and not (identity.key is None and takes_unsigned(request)):
            await self._authorize(exchange, request, identity, members, sent)
        _check_policy(request, members)
        note_key = None
        if issues_key(service, operation):
            note_key = partial(self._note_key, request.operation, members, identity)
        await self._forwarder.forward(exchange, sent, note_key)
        self._note_changes(request, members)

    async def _authorize(
        self,
        exchange: Exchange,
        request: AwsRequest,
        identity: Identity,
        members: Mapping[str, Any],
        sent: BackendRequest,
    ) -> None:
        credential = request.credential
        region, signing_name = (credential.region, credential.signing_name) if credential else ("", request.service)
        place = AccountRegion(region or self._region, self._directory.account)
        details = RequestDetails(exchange.head, exchange.source, place.region, members)
        if has_http_actions(request.service):
            permissions = [http_need(sent.method, sent.path, place)]
        else:
            prefix = prefix_of(request.service, service_model(request.service), signing_name)
            permissions = list(needs(prefix, request.operation_name, _with_defaults(request, identity, members), place))
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

    def _note_changes(self, request: AwsRequest, members: Mapping[str, Any]) -> None:
        """Tells the directory what a request has changed."""
        operation = request.operation_name
        if changes_buckets(request.service, operation):
            self._directory.buckets_changed()
        if not changes_iam(request.service, operation):
            return
        self._directory.iam_changed()
        if operation in ("DeleteAccessKey", "UpdateAccessKey"):
            key_id, keys = members.get("AccessKeyId", ""), self._directory.state.keys
            if operation == "DeleteAccessKey":
                keys.delete(key_id)
            else:
                keys.set_active(key_id, active=members.get("Status") == "Active")


def _content(request: AwsRequest, head: Head, body: bytes) -> bytes:
    """The body without its compression. S3 keeps an object's Content-Encoding with the object, and has none else."""
    encoding = head.headers.get("content-encoding", "")
    in_members = request.protocol not in RPC_PROTOCOLS and has_blob_payload(request.operation)
    if not encoding or in_members or request.service == S3:
        return body
    return decoded(encoding, body, _BODY_LIMIT)


def _with_defaults(request: AwsRequest, identity: Identity, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members, with what the service takes for one that is left out."""
    shape = request.operation.input_shape
    if shape is None:
        return members
    optional = frozenset(shape.members).difference(shape.required_members)
    principal = identity.principal
    if request.service == S3:
        members = s3.named_objects(request.operation_name, members)
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
