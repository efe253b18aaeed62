"""What exists in one account's IAM: users, groups, roles, managed policies and instance profiles.

The operations change these records; Account (account.py) finds them by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Literal, Protocol

from harness.access.rules import identifiers, totp
from harness.access.rules.last_access import LastAccess
from harness.access.rules.policy import Policy


class Document(Protocol):
    """A policy: its text, which answers have as it is, and the text compiled."""

    @property
    def text(self) -> str: ...

    @property
    def policy(self) -> Policy: ...


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy as it was put."""

    text: str
    policy: Policy


@dataclass(slots=True, eq=False)
class PolicyVersion:
    """A version of a managed policy. number: of ``v1``."""

    number: int
    document: Document
    created: datetime

    @property
    def version_id(self) -> str:
        return f"v{self.number}"


@dataclass(slots=True, eq=False)
class ManagedPolicy:
    """A managed policy of the account's, or one of AWS's as this account attaches it.

    versions: by number, the newest last. next_version: version numbers are never used again. attached_to: unique
    ids of the users, groups and roles that have it. bounds: unique ids of those that have it as permissions boundary.
    """

    arn: str
    name: str
    path: str
    unique_id: str
    created: datetime
    updated: datetime
    description: str = ""
    versions: dict[int, PolicyVersion] = field(default_factory=dict)
    default_version: int = 1
    next_version: int = 2
    tags: dict[str, str] = field(default_factory=dict)
    attached_to: set[str] = field(default_factory=set)
    bounds: set[str] = field(default_factory=set)

    @property
    def aws_managed(self) -> bool:
        return self.arn.startswith("arn:aws:iam::aws:")

    @property
    def default(self) -> PolicyVersion:
        return self.versions[self.default_version]


@dataclass(slots=True, eq=False)
class PolicyHolder:
    """What users, groups and roles have in common: their names and their policies.

    unique_id: ``AIDA...``, ``AGPA...``, ``AROA...``; never used again. inline: by name. attached: by ARN.
    """

    kind: ClassVar[Literal["user", "group", "role"]]

    account_id: str
    name: str
    path: str
    unique_id: str
    created: datetime
    inline: dict[str, PolicyDocument] = field(default_factory=dict)
    attached: dict[str, ManagedPolicy] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return identifiers.arn(self.account_id, self.kind, self.path, self.name)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """Its own identity-based policies."""
        inline = tuple(document.policy for document in self.inline.values())
        # In the order of their names: which one a decision quotes does not depend on the order of attaching.
        attached = sorted(self.attached.values(), key=lambda policy: policy.name)
        return inline + tuple(policy.default.document.policy for policy in attached)


@dataclass(slots=True, eq=False)
class Group(PolicyHolder):
    """members: names of users."""

    kind = "group"

    members: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class LoginProfile:
    """A user's password for the console, as a salted hash.

    former: salts and hashes of all so far, this one last. changed: when the password was set.
    """

    created: datetime
    salt: bytes
    password_hash: bytes
    reset_required: bool = False
    former: list[tuple[bytes, bytes]] = field(default_factory=list)
    changed: datetime | None = None


@dataclass(slots=True, eq=False)
class MfaDevice:
    """A virtual MFA device. seed: of its TOTP codes. user: the name of the user for whom it is enabled, else ""."""

    serial_number: str
    seed: bytes
    created: datetime
    user: str = ""
    enabled: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    last_step: int = -1
    """The time step of the last code that was accepted: a code is good once (RFC 6238, section 5.2)."""
    drift: int = 0
    """How many time steps the device's clock is ahead, as the last resynchronization found."""

    def accept(self, code: str, now: float) -> bool:
        """Whether this is the device's code of now, which then is used up. now: seconds since 1970."""
        step = totp.find_step(self.seed, code, now + self.drift * totp.STEP_SECONDS, self.last_step)
        if step is not None:
            self.last_step = step
        return step is not None

    def synchronize(self, codes: tuple[str, str], now: float, skew: int) -> bool:
        """Whether these are codes that follow each other, at most ``skew`` steps off; its clock is known then."""
        step = totp.find_step_of_two(self.seed, codes, now, -1, skew)
        if step is None:
            return False
        # The device shows the second code now, or has just shown it: a clock that is off by one step needs no drift.
        drift = step - totp.step_of(now)
        self.last_step, self.drift = step, 0 if abs(drift) <= totp.SKEW_STEPS else drift
        return True


@dataclass(slots=True, eq=False)
class SigningCertificate:
    """A user's X.509 certificate. body: PEM."""

    certificate_id: str
    body: str
    uploaded: datetime
    active: bool = True


@dataclass(slots=True, eq=False)
class SshPublicKey:
    """A user's SSH key for CodeCommit. body: as ``ssh-rsa AAAA...`` or PEM, as it was uploaded."""

    key_id: str
    body: str
    fingerprint: str
    uploaded: datetime
    active: bool = True


@dataclass(slots=True, eq=False)
class ServiceCredential:
    """A user's name and password for one service. service: its principal. name: what the user signs in with."""

    credential_id: str
    service: str
    name: str
    created: datetime
    active: bool = True
    expires: datetime | None = None


@dataclass(slots=True, eq=False)
class User(PolicyHolder):
    """groups: names. mfa_devices: serial numbers of the enabled ones. access_keys: ids of the long-term ones."""

    kind = "user"

    boundary: ManagedPolicy | None = None
    tags: dict[str, str] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    access_keys: list[str] = field(default_factory=list)
    login_profile: LoginProfile | None = None
    password_last_used: datetime | None = None
    mfa_devices: list[str] = field(default_factory=list)
    signing_certificates: dict[str, SigningCertificate] = field(default_factory=dict)
    ssh_keys: dict[str, SshPublicKey] = field(default_factory=dict)
    service_credentials: dict[str, ServiceCredential] = field(default_factory=dict)


@dataclass(slots=True, eq=False, kw_only=True)
class Role(PolicyHolder):
    """A role.

    max_session: MaxSessionDuration, seconds. service_linked_for: the service principal, else "". instance_profiles:
    names of the profiles that have the role. trusted: unique ids of users and roles that its trust policy names -> the
    names there.
    """

    kind = "role"

    trust: PolicyDocument
    description: str = ""
    max_session: int = 3600
    boundary: ManagedPolicy | None = None
    tags: dict[str, str] = field(default_factory=dict)
    last_used: datetime | None = None
    last_used_region: str = ""
    service_linked_for: str = ""
    instance_profiles: set[str] = field(default_factory=set)
    trusted: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class InstanceProfile:
    """role: the name of its one role, else ""."""

    account_id: str
    name: str
    path: str
    unique_id: str
    created: datetime
    role: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return identifiers.arn(self.account_id, "instance-profile", self.path, self.name)


@dataclass(slots=True, eq=False)
class ServerCertificate:
    """A certificate for servers. body, chain: PEM. The private key is not kept."""

    account_id: str
    name: str
    path: str
    unique_id: str
    uploaded: datetime
    body: str
    expires: datetime
    chain: str = ""
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return identifiers.arn(self.account_id, "server-certificate", self.path, self.name)


@dataclass(slots=True, eq=False)
class OidcProvider:
    """An OpenID Connect provider. host: its URL without ``https://``, which its ARN and condition keys have."""

    arn: str
    host: str
    created: datetime
    client_ids: list[str] = field(default_factory=list)
    thumbprints: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class SamlProvider:
    """metadata: the XML that was uploaded."""

    arn: str
    name: str
    metadata: str
    created: datetime
    tags: dict[str, str] = field(default_factory=dict)
    uuid: str = ""


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """generated: UTC. content: CSV."""

    generated: datetime
    content: bytes


@dataclass(frozen=True, slots=True)
class AccessReport:
    """What a job found of when the services that an entity's policies allow were last called.

    granularity: ``SERVICE_LEVEL`` or ``ACTION_LEVEL``. namespaces: of those services, in the order of their names.
    holders: the users and roles whose calls count. calls: theirs, the most recent one first.
    """

    created: datetime
    granularity: str
    namespaces: tuple[str, ...]
    holders: tuple[User | Role, ...]
    calls: tuple[LastAccess, ...]


Tags = Mapping[str, str]
