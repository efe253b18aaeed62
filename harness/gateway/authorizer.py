"""Authenticates and authorizes a request before its service sees it: who sent it, and whether the policies allow it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.access import errors
from harness.access.directory import Directory
from harness.access.entities import Entity
from harness.access.refusals import refusal_of
from harness.access.rules import reference
from harness.access.rules.access_keys import AccessKey
from harness.access.rules.actions import Need
from harness.access.rules.call_log import CallLog
from harness.access.rules.context import Circumstances, RequestContext, Sender, Tags
from harness.access.rules.evaluation import AccessRequest, Decision, Policies, denial, evaluate
from harness.access.rules.object_body import BodyCheck, ChunkSigner, body_check
from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.sessions import may_call, with_session_tags
from harness.access.rules.signature import Message, find_fault, find_unsigned, is_s3, signing_key
from harness.core.calls import Principal
from harness.gateway.backend_services import (
    FREE_ACTIONS,
    PASS_ROLE,
    PASSED_TO_SERVICE,
    TRUST_ACTIONS,
    bucket_of,
    open_to_root,
    quotes_resource,
    takes_anonymous,
)
from harness.gateway.identify import AwsRequest, Credential, Head, signature_of

ResourcePolicies = Mapping[str, Callable[[str], str | None]]
"""Prefix of a service's actions -> a function from the ARN of a resource to its policy as JSON, None if it has none."""
# Of how many access keys the senders are remembered.
_MOST_SENDERS = 4096
ResourceTags = Mapping[str, Callable[[str], Tags]]
"""Prefix of a service's actions -> a function from the ARN of a resource to its tags."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who sent a request. key: None for an unsigned one, which only some operations take."""

    principal: Principal
    key: AccessKey | None


@dataclass(frozen=True, slots=True)
class RequestDetails:
    """What condition keys read of a request.

    source: the client's address. members: by their botocore names. condition_keys: those that only the service knows.
    """

    head: Head
    source: str
    region: str
    members: Mapping[str, Any]
    condition_keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def takes_unsigned(request: AwsRequest) -> bool:
    """Whether AWS takes the operation unsigned, whatever policies say: it carries a proof of its own, or needs none."""
    return bool(request.operation.auth_type == "none")


class Authorizer:
    """policies, tags: of the resources of the owned services. calls: the log of what roles and users call."""

    def __init__(self, directory: Directory, calls: CallLog, policies: ResourcePolicies, tags: ResourceTags) -> None:
        self._directory = directory
        self._calls = calls
        self._policies = policies
        self._tags = tags
        self._senders: dict[str, tuple[Sender, Entity, AccessKey]] = {}

    # ---- authentication

    def identity(self, request: AwsRequest) -> Identity:
        """Who sent a request. Raises AwsError if it has to be signed and is not, or if nobody issued its key."""
        if takes_unsigned(request):
            # AssumeRoleWithWebIdentity and the like carry a proof of their own; a signature is not looked at.
            return Identity(Principal("anonymous", self._directory.account, "anonymous"), None)
        if request.credential is not None:
            return self.key_owner(request.credential, request.protocol)
        if takes_anonymous(request.service):
            return Identity(Principal("anonymous", self._directory.account, "anonymous"), None)
        raise errors.missing_token(request.protocol)

    def key_owner(self, credential: Credential, protocol: str) -> Identity:
        """Whose the access key is. Raises AwsError if nobody issued it."""
        key = self._directory.key(credential.access_key)
        if key is None:
            raise errors.unknown_key(protocol)
        return Identity(self._directory.principal(key), key)

    def verify(
        self,
        identity: Identity,
        credential: Credential | None,
        head: Head,
        body: bytes | None,
        protocol: str,
        *,
        unsigned_body: bool = False,
    ) -> None:
        """Raises AwsError if the session token is foreign or expired, or if the signature does not hold.

        body: as it came; None if it is an object of S3 (body_check). unsigned_body: whether the operation takes one.
        The administrator's well-known key has no secret and is believed, because clients of local emulators sign with
        any.
        """
        key = identity.key
        if key is None or credential is None or not key.secret:
            return
        now = time.time()
        if key.token and head.headers.get("x-amz-security-token", credential.token) != key.token:
            raise errors.foreign_token(protocol)
        if key.expires is not None and now > key.expires:
            raise errors.expired_token(protocol)
        signature = signature_of(head)
        unsigned = find_unsigned(signature, head.headers)
        if unsigned is not None:
            raise errors.unsigned_header(unsigned, protocol)
        if is_s3(signature.service) and signature.expires is None and "x-amz-content-sha256" not in head.headers:
            raise errors.missing_hash()
        message = Message(head.method, head.path, head.query, head.headers, body, unsigned_body)
        fault = find_fault(signature, message, key.secret, now)
        if fault is not None:
            raise errors.bad_signature(fault, signature.stamp, now, protocol)
        self._directory.key_used(key, credential.signing_name, credential.region, now)

    def body_check(self, identity: Identity, credential: Credential | None, head: Head) -> BodyCheck:
        """What checks an object of S3 while it arrives. Raises AwsError for a declaration that is none of S3's."""
        signer = None
        if identity.key is not None and credential is not None and identity.key.secret:
            signature = signature_of(head)
            scope = f"{signature.day}/{signature.region}/{signature.service}/aws4_request"
            key = signing_key(signature, identity.key.secret)
            signer = ChunkSigner(key, signature.stamp, scope, signature.value)
        declared = head.headers.get("x-amz-content-sha256")
        return body_check(declared, decoded_length=head.headers.get("x-amz-decoded-content-length"), signer=signer)

    def admit(self, identity: Identity, service: str, operation: str, protocol: str) -> None:
        """Raises AwsError if credentials of this kind may not call the operation, whatever policies say."""
        key = identity.key
        if key is not None and not may_call(key.session, service, operation):
            raise errors.not_with_session(service, operation, protocol)

    def user_id(self, identity: Identity) -> str:
        """``aws:userid`` of the sender; "" for nobody."""
        return "" if identity.key is None else self._directory.user_id(identity.key)

    # ---- authorization

    async def require(self, identity: Identity, needs: Iterable[Need], details: RequestDetails, protocol: str) -> None:
        """Raises AwsError, with AWS's sentence, unless the policies allow everything that a request needs."""
        sender, entity, session = self._sender(identity)
        caller = sender.caller
        for need in needs:
            if need.action in FREE_ACTIONS:
                continue
            if entity.identifier:
                accesses = self._directory.state.last_accesses
                accesses.add(entity.identifier, need.action, time.time(), details.region)
            for resource in need.resources or (None,):
                trust = need.action in TRUST_ACTIONS and resource is not None and ":role/" in resource
                own_policy = await self._resource_policy(need.action, resource, trust=trust)
                owner = self._account_of(resource)
                own = owner in ("", caller.account) and not trust
                if own and caller.kind == "root" and (own_policy is None or open_to_root(need.action)):
                    continue
                policies = Policies(entity.identity, entity.boundary, session, own_policy, owner, trust)
                context = RequestContext(sender, self._circumstances(details, need.action, resource, owner))
                decision = evaluate(AccessRequest(caller, need.action, resource, context), policies)
                if caller.kind not in ("root", "federated"):
                    self._log(caller.entity_arn, need.action, resource, decision, context)
                if not decision.allowed:
                    if caller.kind == "anonymous":
                        raise errors.missing_token(protocol)
                    if caller.kind == "federated":
                        raise errors.not_authorized(need.action, protocol)
                    quoted = quotes_resource(need.action)
                    message = denial(caller, need.action, resource, decision, quoted=quoted)
                    if protocol == "ec2":
                        refusal = refusal_of(caller, sender.user_id, need.action, resource, decision, context.read)
                        encoded = self._directory.state.refusals.encode(caller.account, refusal)
                        message += f" Encoded authorization failure message: {encoded}"
                    raise errors.denied(message, protocol)

    async def require_pass_role(
        self, identity: Identity, roles: Iterable[str], prefix: str, details: RequestDetails, protocol: str
    ) -> None:
        """Does the same for the roles that a request hands to a service. prefix: of the service's actions."""
        need = Need(PASS_ROLE, tuple(roles))
        passed_to = {PASSED_TO_SERVICE: (f"{prefix}.amazonaws.com",)}
        await self.require(identity, (need,), replace(details, condition_keys=passed_to), protocol)

    def _sender(self, identity: Identity) -> tuple[Sender, Entity, tuple[Policy, ...] | None]:
        """The caller for condition keys, the user or role with its policies, and the session policies."""
        principal, key = identity.principal, identity.key
        if key is None:
            nobody = Entity("")
            return Sender(self._directory.caller(principal, nobody)), nobody, None
        entity = self._directory.owner(key)
        known = self._senders.get(key.key_id)
        # A change of the user or role, also of its name, makes another entity.
        if known is None or known[1] is not entity or known[2] is not key or known[0].caller.arn != principal.arn:
            if len(self._senders) >= _MOST_SENDERS:
                self._senders.clear()
            known = self._senders[key.key_id] = (self._new_sender(principal, key, entity), entity, key)
        return known[0], entity, self._directory.session_policies(key)

    def _new_sender(self, principal: Principal, key: AccessKey, entity: Entity) -> Sender:
        caller, session = self._directory.caller(principal, entity), key.session
        if session is None:
            return Sender(caller, entity.tags, self._directory.user_id(key))
        # A federated user has the tags of its session only.
        tags = with_session_tags({} if session.kind == "federated-user" else entity.tags, session.tags)
        return Sender(caller, tags, self._directory.user_id(key), key.issued, session)

    def _circumstances(self, details: RequestDetails, action: str, resource: str | None, owner: str) -> Circumstances:
        """owner: the account of the resource; "" if it is not known."""
        return Circumstances(
            details.region,
            owner or self._directory.account,
            time.time(),
            details.source,
            details.head.headers,
            details.members,
            lambda: self._resource_tags(action, resource),
            details.condition_keys,
        )

    def _resource_tags(self, action: str, resource: str | None) -> Tags:
        tags_of = self._tags.get(action.partition(":")[0])
        return tags_of(resource) if tags_of is not None and resource is not None else {}

    def _account_of(self, resource: str | None) -> str:
        """The account that owns a resource; "" if it is not known. Buckets are the default account's."""
        account = _account(resource)
        return self._directory.account if not account and resource and resource.startswith("arn:aws:s3:") else account

    async def _resource_policy(self, action: str, resource: str | None, *, trust: bool) -> Policy | None:
        if resource is None:
            return None
        if trust:
            role = self._directory.entity_of_arn(resource)
            return None if role is None else role.trust
        bucket = bucket_of(action, resource)
        if bucket is not None:
            return await self._directory.bucket_policy(bucket)
        policy_of = self._policies.get(action.partition(":")[0])
        document = policy_of(resource) if policy_of is not None else None
        return None if document is None else parse_policy(f"policy of {resource}", document, "resource")

    def _log(
        self, principal: str, action: str, resource: str | None, decision: Decision, context: RequestContext
    ) -> None:
        def specific_keys() -> dict[str, tuple[str, ...]]:
            """The condition keys that are specific to the action."""
            entry = reference.action(action)
            listed = () if entry is None else entry.condition_keys
            keys = (key.lower() for key in listed if "$" not in key and not key.startswith("aws:"))
            return {key: context[key] for key in (*keys, PASSED_TO_SERVICE) if key in context}

        self._calls.add(principal, action, resource, decision, specific_keys)


def _account(resource: str | None) -> str:
    """The account in an ARN; "" if it has none."""
    parts = (resource or "").split(":", 5)
    return parts[4] if len(parts) == 6 and len(parts[4]) == 12 and parts[4].isdigit() else ""
