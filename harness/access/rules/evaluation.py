"""Whether policies allow a request, by AWS's published logic, and which statement decides.

Service and resource control policies of an organization are not part of it: the harness has one account.
Source: IAM user guide, "Policy evaluation logic".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from harness.access.rules.policy import Policy, Statement
from harness.access.rules.principals import Caller, Named
from harness.access.rules.wildcards import Context

PolicyType = Literal[
    "identity-based policy", "resource-based policy", "role trust policy", "permissions boundary", "session policy"
]
"""The types of policies in the words of AWS's refusals."""

_NO_CONTEXT: Context = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A request to do one action on one resource.

    resource: an ARN; ``*`` for an action without one; None if it is not known: then an Allow on any resource applies,
    and a Deny only if it is on all. context: condition keys in lower case.
    """

    caller: Caller
    action: str
    resource: str | None
    context: Context = field(default_factory=lambda: _NO_CONTEXT)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies that apply to a request.

    boundary, session: None limits nothing. resource: the resource's own policy. resource_account: the account that
    owns the resource; "" is the caller's. trust: the resource is a role to assume; its trust policy must allow it,
    whatever the caller's own policies allow.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    resource_account: str = ""
    trust: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed, and why.

    kind: the type of the policy that decided; for an implicit deny, the type that should have allowed the request.
    policy, statement: the policy's name and the statement; "" and None for an implicit deny and for the root user, whom
    no policy limits.
    """

    allowed: bool
    kind: PolicyType = "identity-based policy"
    policy: str = ""
    statement: Statement | None = None

    @property
    def explicit_deny(self) -> bool:
        return not self.allowed and self.statement is not None

    @property
    def reason(self) -> str:
        """The decision in words for a person, with the statement. It is not AWS's wording."""
        if self.statement is None:
            return "the account's root user may do everything" if self.allowed else f"no {self.kind} allows it"
        place = f"Statement[{self.statement.index}]"
        if self.statement.sid:
            place += f" ({self.statement.sid})"
        verb = "allowed" if self.allowed else "denied"
        return f"{verb} by the {self.kind} {self.policy}, {place}"


def evaluate(request: AccessRequest, policies: Policies) -> Decision:
    """Decides a request. An explicit deny anywhere wins; otherwise every type of policy that applies has to allow."""
    caller = request.caller
    root = caller.kind == "root"
    if root and policies.resource is None and not policies.trust and policies.resource_account in ("", caller.account):
        return Decision(True)
    action = request.action.lower()
    parts = [] if request.resource is None else request.resource.split(":", 5)
    resource_kind: PolicyType = "role trust policy" if policies.trust else "resource-based policy"
    # No identity policy limits the root; what others allow it, and an explicit deny of a resource policy, count.
    identity = Decision(True) if root else _judge(policies.identity, "identity-based policy", request, action, parts)
    resource, named = _judge_resource(policies, resource_kind, request, action, parts)
    boundary = _judge_one(policies.boundary, "permissions boundary", request, action, parts)
    session = None if policies.session is None else _judge(policies.session, "session policy", request, action, parts)
    for decision in (identity, resource, boundary, session):
        if decision is not None and decision.explicit_deny:
            return decision
    if caller.kind in ("service", "federated", "anonymous"):
        return resource
    same_account = policies.resource_account in ("", caller.account)
    if same_account and resource.allowed and named is Named.DIRECTLY:
        return resource
    granted = resource if same_account and resource.allowed and named is Named.ROLE else identity
    if (policies.trust or not same_account) and not resource.allowed:
        # Across accounts both sides have to allow it, and a role that is to be assumed has to allow it anyway.
        return resource
    deciding = (granted, boundary, session)
    return next((decision for decision in deciding if decision is not None and not decision.allowed), granted)


def _judge(
    policies: Iterable[Policy], kind: PolicyType, request: AccessRequest, action: str, parts: list[str]
) -> Decision:
    """The decision of a set of policies alone."""
    allow: Decision | None = None
    for policy in policies:
        for statement in policy.about(action):
            if allow is not None and statement.effect == "Allow":
                continue
            if _applies(statement, request, parts):
                if statement.effect == "Deny":
                    return Decision(False, kind, policy.name, statement)
                allow = Decision(True, kind, policy.name, statement)
    return allow or Decision(False, kind)


def _judge_one(
    policy: Policy | None, kind: PolicyType, request: AccessRequest, action: str, parts: list[str]
) -> Decision | None:
    return None if policy is None else _judge((policy,), kind, request, action, parts)


def _judge_resource(
    policies: Policies, kind: PolicyType, request: AccessRequest, action: str, parts: list[str]
) -> tuple[Decision, Named]:
    """The decision of the resource's own policy, and how closely the Allow that is worth most names the caller."""
    best, closest = Decision(False, kind), Named.NOT
    policy = policies.resource
    for statement in policy.about(action) if policy else ():
        assert policy is not None
        assert statement.principals is not None, "a resource's policy was parsed as an identity's"
        if statement.not_principals:
            spared = statement.principals.spares(request.caller, boundary=policies.boundary is not None)
            named = Named.NOT if spared else Named.DIRECTLY
        else:
            named = statement.principals.named(request.caller)
        if named is Named.NOT or (statement.effect == "Allow" and named <= closest):
            continue
        if _applies(statement, request, parts):
            if statement.effect == "Deny":
                return Decision(False, kind, policy.name, statement), named
            best, closest = Decision(True, kind, policy.name, statement), named
    return best, closest


def _applies(statement: Statement, request: AccessRequest, parts: list[str]) -> bool:
    if request.resource is None:
        covered = statement.covers_some_resource()
    else:
        covered = statement.covers(request.resource, parts, request.context)
    return covered and statement.conditions_hold(request.context)


def denial(caller: Caller, action: str, resource: str | None, decision: Decision, *, quoted: bool = False) -> str:
    """AWS's sentence for a refused call, as printed in public logs.

    quoted: S3 puts the ARN in quotation marks, and names no resource if there is none. A refusal by a trust policy
    names none either.

    Source: IAM user guide, "Troubleshoot access denied error messages".
    """
    where = "" if resource is None else f' on resource: "{resource}"' if quoted else f" on resource: {resource}"
    trust = decision.kind == "role trust policy"
    if trust or (quoted and resource == "*"):
        where = ""
    if decision.explicit_deny:
        article = "the" if trust else "an" if decision.kind[0] in "aeiou" else "a"
        named = f": {decision.policy}" if decision.policy.startswith("arn:") else ""
        why = f"with an explicit deny in {article} {decision.kind}{named}"
    else:
        why = f"because no {decision.kind} allows the {action} action"
    return f"User: {caller.arn} is not authorized to perform: {action}{where} {why}"
