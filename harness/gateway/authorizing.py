"""Who calls, whether he is who he says, and whether he may: before any service sees a request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from harness.access import errors
from harness.access.directory import Directory
from harness.access.entities import Entity
from harness.access.rules.access_keys import AccessKey
from harness.access.rules.actions import Need
from harness.access.rules.call_log import CallLog
from harness.access.rules.context import Circumstances, RequestContext, Sender, Tags
from harness.access.rules.evaluation import AccessRequest, Decision, Policies, denial, evaluate
from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.reference import action as action_of
from harness.access.rules.signature import Message, find_fault
from harness.core.calls import Principal
from harness.gateway.identify import Credential, Head, Target, signature_of

# Everybody may ask who he is, and for a token of his own; no policy can take it away (IAM user guide).
_FREE = frozenset(("sts:GetCallerIdentity", "sts:GetSessionToken"))
_ASSUME = "sts:AssumeRole"

ResourcePolicies = Mapping[str, Callable[[str], str | None]]
"""The resource policy of an ARN as JSON, or None, by the prefix of the services that keep their own."""
ResourceTags = Mapping[str, Callable[[str], Tags]]


@dataclass(frozen=True, slots=True)
class Identity:
    """Whoever sent a request. key: None for one without a signature, which only S3 and some operations take."""

    principal: Principal
    key: AccessKey | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it is authorized. request: by botocore's names. extra: keys that only the service knows."""

    head: Head
    source: str
    region: str
    request: Mapping[str, Any]
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Authorizer:
    """policies, tags: of the resources of owned services. record: of what roles and users called."""

    def __init__(self, directory: Directory, record: CallLog, policies: ResourcePolicies, tags: ResourceTags) -> None:
        self._directory = directory
        self._record = record
        self._policies = policies
        self._tags = tags

    # ---- who

    async def identity(self, target: Target) -> Identity:
        """Who signed. Raises AwsError for an unsigned request or a key that nobody issued."""
        if target.credential is None:
            if target.operation is not None and target.operation.auth_type == "none":
                # AssumeRoleWithWebIdentity and its kin carry their own proof.
                return Identity(self._directory.root, None)
            if target.service == "s3":
                # A bucket's policy may be for everybody.
                return Identity(Principal("anonymous", self._directory.account, "anonymous"), None)
            raise errors.missing_token(target.protocol)
        return await self.holder(target.credential, target.protocol)

    async def holder(self, credential: Credential, protocol: str) -> Identity:
        """Whose key it is. Raises AwsError where it is nobody's."""
        key = await self._directory.key(credential.access_key)
        if key is None:
            raise errors.unknown_key(protocol)
        return Identity(key.principal, key)

    def verify(
        self, identity: Identity, credential: Credential | None, head: Head, body: bytes | None, protocol: str
    ) -> None:
        """Raises AwsError for a token that is another's or has expired, and for a signature that is not the key's.

        body: None where it is streamed on. A key whose secret was never seen cannot be verified, and is believed; so is
        the administrator's, which local emulators take with any secret.
        """
        key = identity.key
        if key is None or credential is None or not key.secret:
            return
        now = time.time()
        if key.token and head.headers.get("x-amz-security-token", credential.token) != key.token:
            raise errors.foreign_token(protocol)
        if key.expires is not None and now > key.expires:
            raise errors.expired_token(protocol)
        signature = signature_of(head, credential)
        fault = find_fault(signature, Message(head.method, head.path, head.query, head.headers, body), key.secret, now)
        if fault is not None:
            raise errors.bad_signature(fault, signature.stamp, now, protocol)

    async def user_id(self, principal: Principal) -> str:
        """``aws:userid``: the account for its root user, else IAM's identifier, with a role session's name."""
        if principal.kind == "root":
            return principal.account
        return _user_id(principal, await self._directory.entity(principal))

    # ---- whether he may

    async def require(self, identity: Identity, needs: Iterable[Need], asked: Asked, protocol: str) -> None:
        """Raises AwsError, with AWS's sentence, unless all that a request needs is allowed."""
        if identity.principal.kind == "root":
            return
        sender, entity, session = await self._sender(identity)
        caller = sender.caller
        for need in needs:
            if need.action in _FREE:
                continue
            for resource in need.resources or (None,):
                context = RequestContext(sender, self._circumstances(asked, need.action, resource))
                trust = need.action == _ASSUME
                own = await self._resource_policy(need.action, resource)
                policies = Policies(entity.identity, entity.boundary, session, own, _account(resource), trust=trust)
                decision = evaluate(AccessRequest(caller, need.action, resource, context), policies)
                self._note(caller.entity_arn, need.action, resource, decision, context)
                if not decision.allowed:
                    if caller.kind == "anonymous":
                        raise errors.missing_token(protocol)
                    quoted = need.action.startswith("s3:")
                    raise errors.denied(denial(caller, need.action, resource, decision, quoted=quoted), protocol)

    async def _sender(self, identity: Identity) -> tuple[Sender, Entity, tuple[Policy, ...] | None]:
        """Who calls, what he may, and what limits his session."""
        principal, key = identity.principal, identity.key
        if key is None:
            nobody = Entity("")
            return Sender(self._directory.caller(principal, nobody)), nobody, None
        entity = self._directory.cached_entity(principal) or await self._directory.entity(principal)
        session = None if key.session is None else await self._directory.session_policies(key)
        caller = self._directory.caller(principal, entity)
        tags = {**entity.tags, **key.tags}
        return Sender(caller, tags, _user_id(principal, entity), key.issued), entity, session

    async def require_pass_role(
        self, identity: Identity, roles: Iterable[str], prefix: str, asked: Asked, protocol: str
    ) -> None:
        """The same for roles that a request hands to the service of a prefix."""
        need = Need("iam:PassRole", tuple(roles))
        service = {"iam:passedtoservice": (f"{prefix}.amazonaws.com",)}
        await self.require(identity, (need,), replace(asked, extra=service), protocol)

    def _circumstances(self, asked: Asked, action: str, resource: str | None) -> Circumstances:
        return Circumstances(
            asked.region,
            self._directory.account,
            time.time(),
            asked.source,
            asked.head.headers,
            asked.request,
            lambda: self._resource_tags(action, resource),
            asked.extra,
        )

    def _resource_tags(self, action: str, resource: str | None) -> Tags:
        find = self._tags.get(action.partition(":")[0])
        return find(resource) if find is not None and resource is not None else {}

    async def _resource_policy(self, action: str, resource: str | None) -> Policy | None:
        prefix = action.partition(":")[0]
        if resource is None:
            return None
        if prefix == "s3":
            bucket = resource.rpartition(":")[2].partition("/")[0]
            return await self._directory.bucket_policy(bucket) if bucket not in ("", "*") else None
        if action == _ASSUME:
            return (await self._directory.role(resource)).trust
        find = self._policies.get(prefix)
        document = find(resource) if find is not None else None
        return None if document is None else parse_policy(f"policy of {resource}", document, "resource")

    def _note(
        self, principal: str, action: str, resource: str | None, decision: Decision, context: RequestContext
    ) -> None:
        def of_its_own() -> dict[str, tuple[str, ...]]:
            found = action_of(action)
            listed = () if found is None else found.condition_keys
            keys = (key.lower() for key in listed if "$" not in key and not key.startswith("aws:"))
            return {key: context[key] for key in (*keys, "iam:passedtoservice") if key in context}

        self._record.add(principal, action, resource, decision, of_its_own)


def _user_id(principal: Principal, entity: Entity) -> str:
    if principal.kind == "assumed-role":
        return f"{entity.identifier}:{principal.arn.rpartition('/')[2]}"
    return entity.identifier


def _account(resource: str | None) -> str:
    """The account of an ARN that has one."""
    parts = (resource or "").split(":", 5)
    return parts[4] if len(parts) == 6 and len(parts[4]) == 12 and parts[4].isdigit() else ""
