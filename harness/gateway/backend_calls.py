"""Requests to the backend: authorized as AWS would, handed on, and noted where they change who may do what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.access.rules.policy import MalformedPolicy, parse_policy
from harness.backend.transport import BackendRequest
from harness.gateway import s3
from harness.gateway.authorizer import Authorizer, Identity, RequestDetails, takes_unsigned
from harness.gateway.backend_services import (
    S3,
    changes_buckets,
    has_http_actions,
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
        # The well-known key may do everything that no bucket's policy denies.
        unlimited = identity.key is not None and not identity.key.secret and service != S3
        if not unlimited and not (identity.key is None and takes_unsigned(request)):
            await self._authorize(exchange, request, identity, members, sent)
        _check_policy(request, members)
        await self._forwarder.forward(exchange, sent)
        if changes_buckets(service, operation):
            self._directory.buckets_changed()

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
            permissions = list(needs(prefix, request.operation_name, _named(request, members), place))
        await self._authorizer.require(identity, permissions, details, request.protocol)
        for need in permissions:
            if roles := passed_roles(need.action, members):
                prefix = need.action.partition(":")[0]
                await self._authorizer.require_pass_role(identity, roles, prefix, details, request.protocol)


def _content(request: AwsRequest, head: Head, body: bytes) -> bytes:
    """The body without its compression. S3 keeps an object's Content-Encoding with the object, and has none else."""
    encoding = head.headers.get("content-encoding", "")
    in_members = request.protocol not in RPC_PROTOCOLS and has_blob_payload(request.operation)
    if not encoding or in_members or request.service == S3:
        return body
    return decoded(encoding, body, _BODY_LIMIT)


def _named(request: AwsRequest, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """The members, with the objects that a request to S3 names in its body under the name of one."""
    return s3.named_objects(request.operation_name, members) if request.service == S3 else members


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
