"""Requests to the backend: authorized as AWS would, handed on, and noted where they change who may do what."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

from botocore import parsers

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.core.errors import AwsError
from harness.gateway import s3
from harness.gateway.authorizer import Authorizer, Identity, RequestDetails
from harness.gateway.backend_services import (
    S3,
    changes_buckets,
    has_http_actions,
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
        # The well-known key may do everything that no bucket's policy denies, and has no signature to verify.
        well_known = identity.key is not None and not identity.key.secret
        limited = service == S3 or not well_known
        read_body = operation in s3.READ_BODIES if service == S3 else limited
        body = await exchange.body(_BODY_LIMIT) if form is None and read_body else form
        if limited:
            self._authorizer.verify(identity, request.credential, exchange.head, body, request.protocol)
        members: Mapping[str, Any] = {}
        if limited or policy_member(service, operation) is not None:
            members = _members(request, exchange, body or b"")
        if limited:
            await self._authorize(exchange, request, identity, members)
        _check_policy(request, members)
        await self._forwarder.forward(exchange, body)
        if changes_buckets(service, operation):
            self._directory.buckets_changed()

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
            permissions = list(needs(prefix, operation, members, place))
        await self._authorizer.require(identity, permissions, details, request.protocol)
        for need in permissions:
            if roles := passed_roles(need.action, members):
                prefix = need.action.partition(":")[0]
                await self._authorizer.require_pass_role(identity, roles, prefix, details, request.protocol)


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


def _check_policy(request: AwsRequest, members: Mapping[str, Any]) -> None:
    """Raises AwsError for a policy that AWS would not take: the backend may take it."""
    policy = policy_member(request.service, request.operation_name)
    if policy is None:
        return
    member, attachment = policy
    document = members.get(member)
    if not isinstance(document, str):
        return
    try:
        parse_policy("bucket policy", document, attachment)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error), request.service) from None
