"""One account's IAM: everything that exists there, found by name, by ARN and by unique id."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from harness.access import aws_managed
from harness.access.entities import Entity
from harness.access.identities import (
    AccessReport,
    CredentialReport,
    Group,
    InstanceProfile,
    ManagedPolicy,
    MfaDevice,
    OidcProvider,
    PolicyHolder,
    Role,
    SamlProvider,
    ServerCertificate,
    User,
)
from harness.access.rules import identifiers
from harness.access.rules.passwords import PasswordPolicy
from harness.access.rules.quotas import Quotas


class Named(Protocol):
    @property
    def name(self) -> str: ...


Item = TypeVar("Item", bound=Named)


class NamedItems(Generic[Item]):
    """Items of one kind by their names, which are unique whatever their case (IAM user guide, IAM quotas).

    They are iterated in the order of their names, and a page of them begins in constant time.
    """

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._order: list[str] = []

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return (self._items[key] for key in self._order)

    def get(self, name: str) -> Item | None:
        item = self._items.get(name.lower())
        return item if item is not None and item.name == name else None

    def taken(self, name: str) -> bool:
        return name.lower() in self._items

    def add(self, item: Item) -> None:
        key = item.name.lower()
        if key not in self._items:
            insort(self._order, key)
        self._items[key] = item

    def remove(self, name: str) -> None:
        key = name.lower()
        if self._items.pop(key, None) is not None:
            del self._order[bisect_left(self._order, key)]

    def after(self, name: str) -> Iterator[Item]:
        """The items whose names come after this one; all of them after ""."""
        begin = bisect_right(self._order, name.lower()) if name else 0
        return (self._items[self._order[index]] for index in range(begin, len(self._order)))


class Account:
    """An account's IAM.

    changed() has to be called after every change of what is here: it forgets the compiled views.
    """

    def __init__(self, account_id: str, quotas: Quotas | None = None) -> None:
        self.account_id = account_id
        self.created = self.now()
        self.users: NamedItems[User] = NamedItems()
        self.groups: NamedItems[Group] = NamedItems()
        self.roles: NamedItems[Role] = NamedItems()
        self.policies: NamedItems[ManagedPolicy] = NamedItems()
        self.instance_profiles: NamedItems[InstanceProfile] = NamedItems()
        self.mfa_devices: dict[str, MfaDevice] = {}
        self.oidc_providers: dict[str, OidcProvider] = {}
        self.saml_providers: dict[str, SamlProvider] = {}
        self.alias = ""
        self.quotas = quotas or Quotas()
        self.root_access_keys: list[str] = []
        self.password_policy: PasswordPolicy | None = None
        self.server_certificates: NamedItems[ServerCertificate] = NamedItems()
        self.role_deletions: set[str] = set()
        self.credential_report: CredentialReport | None = None
        self.access_reports: dict[str, AccessReport] = {}
        self._by_id: dict[str, User | Group | Role] = {}
        self._aws_managed: dict[str, ManagedPolicy] = {}
        self._entities: dict[str, Entity] = {}

    @property
    def root_arn(self) -> str:
        return f"arn:aws:iam::{self.account_id}:root"

    def now(self) -> datetime:
        """Wall time in UTC, whole seconds as IAM gives it: it does not follow the harness's clock."""
        return datetime.now(UTC).replace(microsecond=0)

    def new_id(self, prefix: str) -> str:
        return identifiers.unique_id(prefix, os.urandom(32))

    def changed(self) -> None:
        self._entities.clear()

    # ---- users, groups and roles

    def add(self, holder: User | Group | Role) -> None:
        self._named(holder).add(holder)
        self._by_id[holder.unique_id] = holder
        self.changed()

    def remove(self, holder: User | Group | Role) -> None:
        self._named(holder).remove(holder.name)
        self._by_id.pop(holder.unique_id, None)
        self.changed()

    def _named(self, holder: User | Group | Role) -> NamedItems[PolicyHolder]:
        items: dict[str, NamedItems[PolicyHolder]] = {"user": self.users, "group": self.groups, "role": self.roles}  # type: ignore[dict-item]
        return items[holder.kind]

    def by_id(self, unique_id: str) -> User | Group | Role | None:
        """The user, group or role with a unique id; None once it is deleted."""
        return self._by_id.get(unique_id)

    def by_arn(self, arn: str) -> User | Group | Role | None:
        """The user, group or role with an ARN, path included."""
        kind, _, rest = arn.rpartition(":")[2].partition("/")
        name = rest.rpartition("/")[2]
        found: User | Group | Role | None = None
        if kind == "user":
            found = self.users.get(name)
        elif kind == "group":
            found = self.groups.get(name)
        elif kind == "role":
            found = self.roles.get(name)
        return found if found is not None and found.arn == arn else None

    def rename(self, holder: User | Group | Role, name: str, path: str) -> None:
        """Gives a user, group or role another name or path. Its unique id, keys, policies and memberships stay."""
        items = self._named(holder)
        items.remove(holder.name)
        before, holder.name, holder.path = holder.name, name, path
        items.add(holder)
        if isinstance(holder, User):
            for group in (self.groups.get(group) for group in holder.groups):
                if group is not None:
                    group.members = group.members - {before} | {name}
            for device in self.mfa_devices.values():
                device.user = name if device.user == before else device.user
        elif isinstance(holder, Group):
            for user in (self.users.get(user) for user in holder.members):
                if user is not None:
                    user.groups = user.groups - {before} | {name}
        self.changed()

    # ---- managed policies

    def policy(self, arn: str) -> ManagedPolicy | None:
        """A managed policy of the account's or of AWS's; None if there is none with that ARN."""
        if arn.startswith(aws_managed.PREFIX):
            policy = self._aws_managed.get(arn)
            if policy is None:
                policy = aws_managed.read(arn)
                if policy is not None:
                    self._aws_managed[arn] = policy
            return policy
        policy = self.policies.get(arn.rpartition("/")[2])
        return policy if policy is not None and policy.arn == arn else None

    def aws_managed_policies(self, after: str = "", *, only_used: bool = False) -> Iterator[ManagedPolicy]:
        """AWS's own policies whose names come after this one, in the order of their names.

        only_used: those that nobody in this account has asked for are left out; nothing is attached to them.
        """
        arns = sorted(self._aws_managed, key=aws_managed.order) if only_used else aws_managed.arns()
        begin = bisect_right(arns, after.lower(), key=aws_managed.order) if after else 0
        return (policy for arn in arns[begin:] if (policy := self.policy(arn)) is not None)

    # ---- what decisions need

    def entity(self, holder: User | Group | Role) -> Entity:
        """A user, group or role as the evaluation needs it: with its groups' policies, boundary and tags."""
        entity = self._entities.get(holder.unique_id)
        if entity is None:
            entity = self._entities[holder.unique_id] = self._compile(holder)
        return entity

    def _compile(self, holder: User | Group | Role) -> Entity:
        policies = holder.policies
        if isinstance(holder, User):
            for name in sorted(holder.groups):
                group = self.groups.get(name)
                if group is not None:
                    policies += group.policies
        boundary = None if isinstance(holder, Group) else holder.boundary
        return Entity(
            holder.arn,
            policies,
            None if boundary is None else boundary.default.document.policy,
            {} if isinstance(holder, Group) else dict(holder.tags),
            holder.unique_id,
            holder.trust.policy if isinstance(holder, Role) else None,
        )
