"""The Principal and NotPrincipal elements, and who they name. Pure.

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

Kind = Literal["root", "user", "assumed-role", "service", "anonymous"]

_ACCOUNT = re.compile(r"[0-9]{12}")
_ACCOUNT_ROOT = re.compile(r"arn:[^:]*:iam::([0-9]{12}):root")
# What IAM puts in place of a principal that was deleted: its id, such as AIDA... of a user and AROA... of a role.
_DELETED = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,124}")
_TYPES = ("AWS", "Service", "Federated", "CanonicalUser")
_CALLER = re.compile(r"arn:[^:]*:(?:iam|sts)::([0-9]{12}):(user|group|role|assumed-role|root)(?:/.+)?")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com")
_SESSION = re.compile(r"arn:([^:]*):sts::([0-9]{12}):assumed-role/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request.

    arn: of a role session the session's; of a service its principal, ``lambda.amazonaws.com``. role_arn: of a session,
    the role's own ARN, which has the role's path.
    """

    arn: str
    account: str
    kind: Kind
    role_arn: str = ""

    @property
    def entity_arn(self) -> str:
        """The user's ARN, or the role's: what aws:PrincipalArn says."""
        return self.role_arn or self.arn


@lru_cache(4096)  # a session makes many requests
def session_caller(arn: str, role_arn: str = "") -> Caller:
    """The caller of a role session's ARN; a role whose ARN is not known is taken to have no path."""
    found = _SESSION.match(arn)
    if found is None:
        raise ValueError(f"{arn} is no role session")
    partition, account, role = found.groups()
    return Caller(arn, account, "assumed-role", role_arn or f"arn:{partition}:iam::{account}:role/{role}")


def caller_of(arn: str) -> Caller:
    """The caller of a user's, a session's or an account's root ARN, or of a service's principal.

    A role stands for a session of its own. Raises ValueError for anything else.
    """
    if _SERVICE.fullmatch(arn):
        return Caller(arn, "", "service")
    found = _CALLER.fullmatch(arn)
    if found is None:
        raise ValueError(f"{arn!r} does not clearly define entity type and name")
    account, kind = found[1], found[2]
    if kind == "role":
        name = arn.rpartition("/")[2]
        return Caller(f"arn:aws:sts::{account}:assumed-role/{name}/simulated", account, "assumed-role", arn)
    if kind == "assumed-role":
        return session_caller(arn)
    return Caller(arn, account, "root" if kind == "root" else "user")


class Named(IntEnum):
    """How closely a policy names a caller; what its Allow is worth in one account depends on it.

    ACCOUNT hands the decision on to the caller's identity policies; ROLE is still limited by boundary and session
    policies; DIRECTLY (a user, a session, everybody, a service) is limited by explicit denies only.
    """

    NOT = 0
    ACCOUNT = 1
    ROLE = 2
    DIRECTLY = 3


@dataclass(frozen=True, slots=True)
class Principals:
    """A parsed element. everybody: ``*``; aws: ARNs and accounts' numbers; services: service principals.

    Federated and canonical users are nobody here: the harness knows none.
    """

    everybody: bool
    aws: frozenset[str]
    services: frozenset[str]

    def named(self, caller: Caller) -> Named:
        """How closely the element names the caller."""
        if self.everybody:
            return Named.DIRECTLY
        if caller.kind == "service":
            return Named.DIRECTLY if caller.arn in self.services else Named.NOT
        if caller.kind == "anonymous":
            return Named.NOT
        if caller.arn in self.aws:
            return Named.DIRECTLY
        if caller.role_arn and caller.role_arn in self.aws:
            return Named.ROLE
        return Named.ACCOUNT if caller.account in self.aws else Named.NOT

    def spares(self, caller: Caller, *, boundary: bool) -> bool:
        """Whether a Deny whose NotPrincipal this is leaves the caller alone.

        Each of his ARNs must be listed, with the account's and, of a session, the role's; a caller with a permissions
        boundary is never spared (IAM user guide, NotPrincipal).
        """
        if self.everybody:
            return True
        if caller.kind == "service":
            return caller.arn in self.services
        wanted = {caller.arn, caller.account} | ({caller.role_arn} if caller.role_arn else set())
        return not boundary and caller.kind != "anonymous" and wanted <= self.aws


def parse_principals(where: str, value: Any) -> Principals:
    """A Principal or NotPrincipal element. Raises ValueError with the place of what is malformed."""
    if value == "*":
        return Principals(True, frozenset(), frozenset())
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f'{where} must be "*" or an object of {", ".join(_TYPES)}')
    for kind in value:
        if kind not in _TYPES:
            raise ValueError(f"{where}: {shown(str(kind))} is not one of {', '.join(_TYPES)}")
    aws, services = _strings(where, value.get("AWS", ())), _strings(where, value.get("Service", ()))
    _strings(where, value.get("Federated", ()))
    _strings(where, value.get("CanonicalUser", ()))
    return Principals("*" in aws, frozenset(_of_account(where, one) for one in aws), frozenset(services))


def _of_account(where: str, value: str) -> str:
    """An account's root ARN is its number."""
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
    if not isinstance(values, Sequence) or not all(isinstance(one, str) for one in values):
        raise ValueError(f"{where}: principals must be strings")
    return tuple(values)
