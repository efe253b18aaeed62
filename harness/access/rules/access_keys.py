"""Access keys as IAM and STS issue them, and the sessions behind temporary ones.

A key names its user or role by the unique id. Who has that id now, under which name and with which policies, is looked
up at each request, so that a deleted user's key ends with the user and a renamed user keeps his key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.access.rules.policy import Policy

SessionKind = Literal["assumed-role", "federated-user", "session-token"]


@dataclass(frozen=True, slots=True)
class Session:
    """What temporary credentials know beyond their owner.

    kind: of AssumeRole and its like, of GetFederationToken, or of GetSessionToken (a user's or the root's own rights).
    name: the role session's or the federated user's; "" for GetSessionToken. policies: the session policies that were
    given in full; None if nothing limits the session. managed_policies: the ARNs of the managed ones. tags: the session
    tags, with the transitive ones of earlier sessions. transitive: the keys of the tags that the next session inherits.
    mfa_at: when the user proved an MFA code, seconds since 1970; None without one. chained: a role session assumed it.
    context: condition keys of this session's own, in lower case, such as ``token.example.com:sub``.
    """

    kind: SessionKind
    name: str = ""
    policies: tuple[Policy, ...] | None = None
    managed_policies: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    transitive: frozenset[str] = frozenset()
    source_identity: str = ""
    mfa_at: float | None = None
    chained: bool = False
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessKey:
    """An access key.

    account: the one it belongs to. owner: the unique id of its user or role; "" for the account's root. secret: "" for
    the well-known keys of local emulators, whose signatures are not verified. token: the session token of temporary
    credentials, else "". issued, expires: seconds since 1970. session: None for a long-term key.
    """

    key_id: str
    account: str
    owner: str = ""
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    issued: float | None = None
    expires: float | None = None
    active: bool = True
    session: Session | None = None
