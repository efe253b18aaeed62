"""Requests to the backend: checked as AWS would, handed on, and listened to where they change who may what."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, cast
from xml.sax.saxutils import unescape

from botocore import parsers
from botocore.model import OperationModel

from harness.access import errors
from harness.access.directory import Directory
from harness.access.rules.access_keys import ISSUING
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.access.rules.policy import Attachment, MalformedPolicy, parse_policy
from harness.core.errors import AwsError
from harness.gateway.authorizing import Asked, Authorizer, Identity
from harness.gateway.forward import Forwarder
from harness.gateway.http import Exchange
from harness.gateway.identify import Target
from harness.gateway.wire.codec import decode_request
from harness.gateway.wire.models import is_known_service, service_model
from harness.gateway.wire.query import decode_query

# What a service takes in one request is less: 16 MB in DynamoDB, 10 MB in Kinesis. S3's bodies are streamed.
_BODY_LIMIT = 20 * 1024 * 1024
# Botocore, policyDocumentType.
_LONGEST_POLICY = 131_072
_READING = ("Get", "List", "Simulate", "Generate")
# Which members of IAM's and STS's operations are policies, and of what use.
_DOCUMENTS: Mapping[tuple[str, str], Attachment] = {
    ("CreateRole", "AssumeRolePolicyDocument"): "trust",
    ("UpdateAssumeRolePolicy", "PolicyDocument"): "trust",
    ("PutRolePolicy", "PolicyDocument"): "identity",
    ("PutUserPolicy", "PolicyDocument"): "identity",
    ("PutGroupPolicy", "PolicyDocument"): "identity",
    ("CreatePolicy", "PolicyDocument"): "identity",
    ("CreatePolicyVersion", "PolicyDocument"): "identity",
    ("AssumeRole", "Policy"): "identity",
    ("AssumeRoleWithSAML", "Policy"): "identity",
    ("AssumeRoleWithWebIdentity", "Policy"): "identity",
    ("GetFederationToken", "Policy"): "identity",
}
_WITH_DOCUMENTS = frozenset(operation for operation, _ in _DOCUMENTS)
_BUCKET_POLICIES = frozenset(("PutBucketPolicy", "DeleteBucketPolicy", "DeleteBucket", "CreateBucket"))
# S3's operations whose body says what they act on, or is a policy; the other bodies are objects, and streamed.
_S3_READ = frozenset(("DeleteObjects", "PutBucketPolicy"))
_KEY = re.compile(rb"<Key>([^<]*)</Key>")


class BackendCalls:
    """region: of a request that names none."""

    def __init__(self, directory: Directory, authorizer: Authorizer, forwarder: Forwarder, region: str) -> None:
        self._directory = directory
        self._authorizer = authorizer
        self._forwarder = forwarder
        self._region = region

    async def serve(self, exchange: Exchange, target: Target, identity: Identity, form: bytes | None) -> None:
        """One request, whole. Raises AwsError where it is refused, in AWS's words."""
        limited, s3, name = identity.principal.kind != "root", target.service == "s3", target.operation_name
        read = name in _S3_READ if s3 else limited
        body = await exchange.body(_BODY_LIMIT) if form is None and read else form
        if limited:
            self._authorizer.verify(identity, target.credential, exchange.head, body, target.protocol)
        request: Mapping[str, Any] = {}
        documents = target.service in ("iam", "sts") and name in _WITH_DOCUMENTS | ISSUING
        if limited or documents or name == "PutBucketPolicy":
            request = _decoded(target, exchange, body or b"")
        if limited:
            await self._authorize(exchange, target, identity, request)
        _check_documents(target, request)
        if target.service in ("iam", "sts") and name in ISSUING and target.operation is not None:
            learn = partial(self._learn, target.operation, request, identity)
            await self._forwarder.forward(exchange, body, learn)
        else:
            await self._forwarder.forward(exchange, body)
        self._listen(target, request, body or b"", exchange)

    async def _authorize(
        self, exchange: Exchange, target: Target, identity: Identity, request: Mapping[str, Any]
    ) -> None:
        credential = target.credential
        region, signing_name = (credential.region, credential.signing_name) if credential else ("", target.service)
        place = AccountRegion(region or self._region, self._directory.account)
        asked = Asked(exchange.head, exchange.source, place.region, request)
        if target.service in ("apigateway", "apigatewayv2"):
            wanted = [http_need(exchange.head.method, exchange.head.path, place)]
        else:
            model = service_model(target.service) if is_known_service(target.service) else None
            prefix = prefix_of(target.service, model, signing_name)
            operation = target.operation_name or exchange.head.method
            wanted = list(needs(prefix, operation, _completed(target, identity, request), place))
        await self._authorizer.require(identity, wanted, asked, target.protocol)
        for need in wanted:
            if roles := passed_roles(need.action, request):
                prefix = need.action.partition(":")[0]
                await self._authorizer.require_pass_role(identity, roles, prefix, asked, target.protocol)

    def _learn(
        self, operation: OperationModel, request: Mapping[str, Any], identity: Identity, status: int, body: bytes
    ) -> None:
        if status >= 300:
            return
        parser: Any = parsers.create_parser("query")
        answer = parser.parse({"status_code": status, "headers": {}, "body": body}, operation.output_shape)
        self._directory.note_key(operation.name, request, answer, identity.principal)

    def _listen(self, target: Target, request: Mapping[str, Any], body: bytes, exchange: Exchange) -> None:
        """What a request has changed of who may what."""
        name = target.operation_name
        if target.service == "s3" and name in _BUCKET_POLICIES:
            self._directory.buckets_changed()
        if target.service != "iam" or name.startswith(_READING):
            return
        self._directory.iam_changed()
        if name in ("DeleteAccessKey", "UpdateAccessKey"):
            changed = request or _decoded(target, exchange, body)
            key = changed.get("AccessKeyId", "")
            if name == "DeleteAccessKey":
                self._directory.state.keys.delete(key)
            else:
                self._directory.state.keys.set_active(key, active=changed.get("Status") == "Active")


def _decoded(target: Target, exchange: Exchange, body: bytes) -> Mapping[str, Any]:
    """The request's members as far as they can be told; a malformed body is the backend's to refuse."""
    operation, head = target.operation, exchange.head
    if operation is None:
        return dict(target.labels)
    try:
        if target.protocol in ("query", "ec2"):
            return decode_query(operation, body, head.query)
        if target.protocol == "smithy-rpc-v2-cbor":
            return _from_cbor(body)
        if target.protocol == "rest-xml":
            shape_only = decode_request(operation, target.labels, head.query, head.headers, b"")
            return {**target.labels, **shape_only, **_from_s3(target.operation_name, body, target.labels)}
        return decode_request(operation, target.labels, head.query, head.headers, body)
    except AwsError:
        return dict(target.labels)


def _from_cbor(body: bytes) -> Mapping[str, Any]:
    parser: Any = parsers.create_parser("smithy-rpc-v2-cbor")
    try:
        found = parser.parse_data_item(io.BufferedReader(cast("io.RawIOBase", io.BytesIO(body))))
    except Exception:
        # botocore's parser raises whatever the bytes lead it to.
        return {}
    return found if isinstance(found, Mapping) else {}


def _from_s3(operation: str, body: bytes, labels: Mapping[str, str]) -> dict[str, Any]:
    if operation == "PutBucketPolicy":
        return {"Policy": body.decode("utf-8", "replace")}
    return {"Key": list(_keys(body))} if operation == "DeleteObjects" else {}


def _keys(body: bytes) -> Iterator[str]:
    """The keys of a DeleteObjects request."""
    for found in _KEY.finditer(body):
        yield unescape(found[1].decode("utf-8", "replace"), {"&quot;": '"', "&apos;": "'"})


def _completed(target: Target, identity: Identity, request: Mapping[str, Any]) -> Mapping[str, Any]:
    """IAM takes a user who names none to mean himself."""
    principal = identity.principal
    if target.service == "iam" and principal.kind == "user" and "UserName" not in request:
        shape = target.operation.input_shape if target.operation is not None else None
        if shape is not None and "UserName" in shape.members and "UserName" not in shape.required_members:
            return {**request, "UserName": principal.name}
    return request


def _check_documents(target: Target, request: Mapping[str, Any]) -> None:
    """Raises AwsError for a policy that AWS would not take."""
    if target.operation_name == "PutBucketPolicy" and target.service == "s3":
        _check("bucket policy", request.get("Policy", ""), "resource", "s3")
        return
    for (operation, member), use in _DOCUMENTS.items():
        document = request.get(member)
        if operation != target.operation_name or not isinstance(document, str):
            continue
        if len(document) > _LONGEST_POLICY:
            name = member[0].lower() + member[1:]
            message = (
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_LONGEST_POLICY}"
            )
            raise AwsError("ValidationError", message, 400)
        _check(str(request.get("PolicyName") or request.get("RoleName") or "document"), document, use, target.service)


def _check(name: str, document: str, use: Attachment, service: str) -> None:
    try:
        parse_policy(name, document, use)
    except MalformedPolicy as error:
        raise errors.malformed_policy(str(error), service) from None
