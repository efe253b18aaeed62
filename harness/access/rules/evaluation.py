"""Whether policies allow a request, by AWS's published logic, and which statement says so. Pure.

Service and resource control policies of an organization are not part of it: the harness is one account.
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

Kind = Literal[
    "identity-based policy", "resource-based policy", "role trust policy", "permissions boundary", "session policy"
]
"""In AWS's words, as its refusals name them."""

_NO_CONTEXT: Context = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource. resource: an ARN, ``*`` for an action without one, None where it is not known: then
    an Allow of any resource counts, and a Deny only of all. context: condition keys in lower case."""

    caller: Caller
    action: str
    resource: str | None
    context: Context = field(default_factory=lambda: _NO_CONTEXT)


@dataclass(frozen=True, slots=True)
class Policies:
    """What applies to a request.

    boundary, session: None where there is none, which limits nothing. resource: the resource's own policy.
    resource_account: whose the resource is; "" is the caller's own. trust: the resource is a role to be assumed, whose
    policy must allow it, whatever the caller's own say.
    """

    identity: tuple[Policy, ...] = ()
    boundary: Policy | None = None
    session: tuple[Policy, ...] | None = None
    resource: Policy | None = None
    resource_account: str = ""
    trust: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """allowed, and why.

    kind: of the policy that decided; of an implicit deny, the kind that would have had to allow it.
    policy, statement: which one; "" and None for an implicit deny and for what no policy can limit (the root user).
    """

    allowed: bool
    kind: Kind = "identity-based policy"
    policy: str = ""
    statement: Statement | None = None

    @property
    def explicit_deny(self) -> bool:
        return not self.allowed and self.statement is not None

    @property
    def reason(self) -> str:
        """In words, with the statement: for a person, not on the wire."""
        if self.statement is None:
            return "the account's root user may do everything" if self.allowed else f"no {self.kind} allows it"
        which = f"Statement[{self.statement.index}]"
        if self.statement.sid:
            which += f" ({self.statement.sid})"
        verb = "allowed" if self.allowed else "denied"
        return f"{verb} by the {self.kind} {self.policy}, {which}"


def evaluate(request: Request, policies: Policies) -> Decision:
    """An explicit deny anywhere wins; else every kind of policy that applies has to allow."""
    caller = request.caller
    if caller.kind == "root" and policies.resource_account in ("", caller.account):
        return Decision(True)
    action = request.action.lower()
    parts = [] if request.resource is None else request.resource.split(":", 5)
    resource_kind: Kind = "role trust policy" if policies.trust else "resource-based policy"
    identity = _judge(policies.identity, "identity-based policy", request, action, parts)
    resource, named = _judge_resource(policies, resource_kind, request, action, parts)
    boundary = _judge_one(policies.boundary, "permissions boundary", request, action, parts)
    session = None if policies.session is None else _judge(policies.session, "session policy", request, action, parts)
    for one in (identity, resource, boundary, session):
        if one is not None and one.explicit_deny:
            return one
    if caller.kind in ("service", "anonymous"):
        return resource
    same_account = policies.resource_account in ("", caller.account)
    if same_account and resource.allowed and named is Named.DIRECTLY:
        return resource
    granted = resource if same_account and resource.allowed and named is Named.ROLE else identity
    if (policies.trust or not same_account) and not resource.allowed:
        # In one account identity policies may speak for themselves, but never for the role that is to be assumed.
        return resource
    return next((one for one in (granted, boundary, session) if one is not None and not one.allowed), granted)


def _judge(policies: Iterable[Policy], kind: Kind, request: Request, action: str, parts: list[str]) -> Decision:
    """A set of policies by itself."""
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


def _judge_one(policy: Policy | None, kind: Kind, request: Request, action: str, parts: list[str]) -> Decision | None:
    return None if policy is None else _judge((policy,), kind, request, action, parts)


def _judge_resource(
    policies: Policies, kind: Kind, request: Request, action: str, parts: list[str]
) -> tuple[Decision, Named]:
    """The resource's own policy, and how closely the Allow that counts most names the caller."""
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


def _applies(statement: Statement, request: Request, parts: list[str]) -> bool:
    on = statement.on_some() if request.resource is None else statement.on(request.resource, parts, request.context)
    return on and statement.on_condition(request.context)


def denial(caller: Caller, action: str, resource: str | None, decision: Decision, *, quoted: bool = False) -> str:
    """AWS's sentence for a refused call, as printed in public logs. quoted: S3 puts the ARN in quotation marks, and
    names no resource where there is none. A trust policy speaks of its own role only, so that none is named either.

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
