"""The Principal and NotPrincipal elements, and which callers they name.

Source: IAM user guide, "AWS JSON policy elements: Principal" and "NotPrincipal".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any, Literal

from harness.core.errors import shown

CallerKind = Literal["root", "user", "assumed-role", "federated-user", "federated", "service", "anonymous"]

_ACCOUNT = re.compile(r"[0-9]{12}")
_ACCOUNT_ROOT = re.compile(r"arn:[^:]*:iam::([0-9]{12}):root")
# When a principal is deleted, IAM puts its id in the place of its ARN: AIDA... for a user, AROA... for a role.
_DELETED = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,124}")
_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
_CALLER = re.compile(r"arn:[^:]*:(?:iam|sts)::([0-9]{12}):(user|group|role|assumed-role|root)(?:/.+)?")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_SESSION = re.compile(r"arn:([^:]*):sts::([0-9]{12}):assumed-role/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request, as policies name it.

    arn: the ARN of a user, a role session, a federated user or an account's root; for a service its principal,
    ``lambda.amazonaws.com``; for a caller with an identity provider's token (kind "federated"), the provider's ARN
    or name. role_arn: for a role session, the role's own ARN, which has the role's path; for a federated user, the ARN
    of the user who federated it.
    """

    arn: str
    account: str
    kind: CallerKind
    role_arn: str = ""

    @property
    def entity_arn(self) -> str:
        """The ARN of the user or the role: the value of aws:PrincipalArn."""
        return self.arn if self.kind == "federated-user" else self.role_arn or self.arn


@lru_cache(4096)  # a session makes many requests
def session_caller(arn: str, role_arn: str = "") -> Caller:
    """The caller with a role session's ARN. A role whose own ARN is not known is taken to have no path."""
    match = _SESSION.match(arn)
    if match is None:
        raise ValueError(f"{arn} is not a role session")
    partition, account, role = match.groups()
    return Caller(arn, account, "assumed-role", role_arn or f"arn:{partition}:iam::{account}:role/{role}")


def caller_of(arn: str) -> Caller:
    """The caller with the ARN of a user, a role session or an account's root, or with a service's principal.

    The ARN of a role stands for a session of the role. Raises ValueError for anything else.
    """
    if _SERVICE.fullmatch(arn):
        return Caller(arn, "", "service")
    match = _CALLER.fullmatch(arn)
    if match is None:
        raise ValueError(f"{arn!r} does not clearly define entity type and name")
    account, kind = match[1], match[2]
    if kind == "role":
        name = arn.rpartition("/")[2]
        return Caller(f"arn:aws:sts::{account}:assumed-role/{name}/simulated", account, "assumed-role", arn)
    if kind == "assumed-role":
        return session_caller(arn)
    return Caller(arn, account, "root" if kind == "root" else "user")


class Named(IntEnum):
    """How closely a policy names a caller. What an Allow is worth within one account depends on it.

    ACCOUNT leaves the decision to the caller's identity policies. ROLE is still limited by boundary and session
    policies. DIRECTLY (a user, a session, everybody, a service) is limited by explicit denies only.
    """

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECTLY = 3


@dataclass(frozen=True, slots=True)
class Principals:
    """A parsed Principal or NotPrincipal element.

    everybody: it is ``*``. aws: ARNs and account numbers. services: service principals. federated: ARNs and names of
    identity providers. Canonical users are left out: the harness has none.
    """

    everybody: bool
    aws: frozenset[str]
    services: frozenset[str]
    federated: frozenset[str] = frozenset()

    def named(self, caller: Caller) -> Named:
        """How closely the element names the caller."""
        if self.everybody:
            return Named.DIRECTLY
        if caller.kind == "service":
            return Named.DIRECTLY if caller.arn in self.services else Named.NOT
        if caller.kind == "federated":
            return Named.DIRECTLY if caller.arn in self.federated else Named.NOT
        if caller.kind == "anonymous":
            return Named.NOT
        if caller.arn in self.aws:
            return Named.DIRECTLY
        if caller.role_arn and caller.role_arn in self.aws:
            return Named.ROLE
        return Named.ACCOUNT if caller.account in self.aws else Named.NOT

    def spares(self, caller: Caller, *, boundary: bool) -> bool:
        """Whether a Deny with this NotPrincipal does not apply to the caller.

        The element must list all of the caller's ARNs: its own, the account's and, for a session, the role's. A caller
        with a permissions boundary is never spared (IAM user guide, NotPrincipal).
        """
        if self.everybody:
            return True
        if caller.kind == "service":
            return caller.arn in self.services
        if caller.kind == "federated":
            return caller.arn in self.federated
        arns = {caller.arn, caller.account} | ({caller.role_arn} if caller.role_arn else set())
        return not boundary and caller.kind != "anonymous" and arns <= self.aws


def parse_principals(where: str, value: Any) -> Principals:
    """Parses a Principal or NotPrincipal element. Raises ValueError that says where it is malformed."""
    if value == "*":
        return Principals(True, frozenset(), frozenset())
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f'{where} must be "*" or an object of {", ".join(_TYPES)}')
    for kind in value:
        if kind not in _TYPES:
            raise ValueError(f"{where}: {shown(str(kind))} is not one of {', '.join(_TYPES)}")
    aws, services = _strings(where, value.get("AWS", ())), _strings(where, value.get("Service", ()))
    federated = _strings(where, value.get("Federated", ()))
    _strings(where, value.get("CanonicalUser", ()))
    return Principals(
        "*" in aws,
        frozenset(_checked_principal(where, principal) for principal in aws),
        frozenset(services),
        frozenset(federated),
    )


def _checked_principal(where: str, value: str) -> str:
    """The principal; the account's number for its root ARN. Raises ValueError for one that IAM would refuse."""
    root = _ACCOUNT_ROOT.fullmatch(value)
    if root:
        return root[1]
    if value == "*" or _ACCOUNT.fullmatch(value) or _DELETED.fullmatch(value):
        return value
    if not value.startswith("arn:") or value.count(":") < 5:
        raise ValueError(f"{where}: {shown(value)} is neither an ARN nor an account")
    if "*" in value or "?" in value:
        raise ValueError(f"{where}: {shown(value)} has a wildcard; a principal is named in full, or is *")
    return value


def _strings(where: str, value: Any) -> tuple[str, ...]:
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, Sequence) or not all(isinstance(text, str) for text in values):
        raise ValueError(f"{where}: principals must be strings")
    return tuple(values)
