"""AssumeRole: credentials of a role's session.

Sources: STS API reference, AssumeRole; IAM user guide, "Methods to assume a role", "Pass session tags in AWS STS" and
"Monitor and control actions taken with assumed roles".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.access.identities import Role
from harness.access.rules import identifiers
from harness.access.rules.access_keys import AccessKey, Session
from harness.access.rules.sessions import (
    CHAINED_SECONDS,
    DEFAULT_SECONDS,
    account_of_role,
)
from harness.access.sts import errors
from harness.access.sts.operations.base import (
    SessionPolicies,
    TokenOperations,
    checked_packed_size,
    issued,
    tags_of,
    token_size,
)
from harness.core.calls import Call

ASSUME_ROLE, TAG_SESSION, SET_SOURCE_IDENTITY = "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a new session of a role takes from the request and from the session that asks for it.

    tags: of the request. inherited: transitive tags of the calling session. seconds: None for the default.
    """

    name: str
    policies: SessionPolicies
    tags: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str = ""
    seconds: int | None = None
    chained: bool = False
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def actions(self, assume: str) -> list[str]:
        """The actions that the caller has to be allowed to do on the role."""
        actions = [assume]
        if self.tags or self.inherited:
            actions.append(TAG_SESSION)
        if self.source_identity:
            actions.append(SET_SOURCE_IDENTITY)
        return actions

    def condition_keys(self) -> dict[str, tuple[str, ...]]:
        """The condition keys of the request that are not its members as they are: tags and the inherited identity."""
        tags = {**self.inherited, **self.tags}
        keys: dict[str, tuple[str, ...]] = {f"aws:requesttag/{key.lower()}": (value,) for key, value in tags.items()}
        if tags:
            keys["aws:tagkeys"] = tuple(tags)
        if self.transitive:
            keys["sts:transitivetagkeys"] = tuple(sorted(self.transitive))
        if self.source_identity:
            keys["sts:sourceidentity"] = (self.source_identity,)
        if self.name:
            keys["sts:rolesessionname"] = (self.name,)
        return keys


class RoleOperations(TokenOperations):
    """AssumeRole."""

    async def assume_role(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self.caller_key(call)
        if key.owner == "" and not self.directory.well_known(key):
            raise errors.root_assumes_no_role()
        role_arn: str = request["RoleArn"]
        account_id = account_of_role(role_arn)
        if account_id is None:
            raise errors.invalid_role_arn(role_arn)
        if "ProvidedContexts" in request:
            raise errors.no_provided_contexts()
        assumption = self._assumption(request, key, account_id)
        mfa_at = self.mfa_time(call, request)
        keys = assumption.condition_keys()
        if mfa_at is not None:
            keys |= {"aws:multifactorauthpresent": ("true",), "aws:multifactorauthage": ("0",)}
        if "DurationSeconds" in request:
            keys["sts:durationseconds"] = (str(request["DurationSeconds"]),)
        await call.require(assumption.actions(ASSUME_ROLE), role_arn, keys)
        return self.begin(call, request, role_arn, assumption)

    def begin(self, call: Call, request: Mapping[str, Any], role_arn: str, assumption: Assumption) -> dict[str, Any]:
        """Begins a session of a role that the caller may assume; the members that all answers share."""
        account_id = account_of_role(role_arn) or ""
        account = self.state.account(account_id)
        role = account.by_arn(role_arn)
        assert isinstance(role, Role), "a role that does not exist has no trust policy that allows to assume it"
        seconds = DEFAULT_SECONDS if assumption.seconds is None else assumption.seconds
        if assumption.chained and seconds > CHAINED_SECONDS:
            raise errors.too_long_when_chained()
        if seconds > role.max_session:
            raise errors.too_long_for_role()
        tags = {**assumption.inherited, **assumption.tags}
        percent = checked_packed_size(request, assumption.policies, tags)
        session = Session(
            "assumed-role",
            assumption.name,
            assumption.policies.inline,
            assumption.policies.arns,
            tags,
            assumption.transitive | frozenset(assumption.inherited),
            assumption.source_identity,
            chained=assumption.chained,
            context=assumption.context,
        )
        key = self.state.issue_temporary(account_id, role.unique_id, session, seconds, token_size(request))
        role.last_used, role.last_used_region = account.now(), call.region
        answer: dict[str, Any] = {
            **issued(key),
            "AssumedRoleUser": {
                "AssumedRoleId": f"{role.unique_id}:{assumption.name}",
                "Arn": identifiers.session_arn(account_id, role.name, assumption.name),
            },
        }
        if percent:
            answer["PackedPolicySize"] = percent
        if assumption.source_identity:
            answer["SourceIdentity"] = assumption.source_identity
        return answer

    def _assumption(self, request: Mapping[str, Any], key: AccessKey, account_id: str) -> Assumption:
        """Raises AwsError for tags, policies and an identity that AWS refuses whatever the policies allow."""
        session, tags = key.session, tags_of(request)
        inherited: dict[str, str] = {}
        source_identity: str = request.get("SourceIdentity", "")
        if session is not None:
            inherited = {tag: value for tag, value in session.tags.items() if tag in session.transitive}
            if session.source_identity:
                if source_identity not in ("", session.source_identity):
                    raise errors.other_source_identity()
                source_identity = session.source_identity
        passed_on = {tag.lower() for tag in inherited}
        for tag in tags:
            if tag.lower() in passed_on:
                raise errors.inherited_tag()
        transitive = [str(tag) for tag in request.get("TransitiveTagKeys", ())]
        by_key = {tag.lower(): tag for tag in tags}
        for tag in transitive:
            if tag.lower() not in by_key:
                raise errors.transitive_key_without_tag()
        return Assumption(
            request["RoleSessionName"],
            self.session_policies(request, account_id),
            tags,
            inherited,
            frozenset(by_key[tag.lower()] for tag in transitive),
            source_identity,
            request.get("DurationSeconds"),
            chained=session is not None and session.kind == "assumed-role",
        )
