"""Random sequences of operations against a simple model of its own: who exists, what hangs on whom, what is refused."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from harness.access.api import Access
from harness.backend.client import Backend
from harness.core.calls import Call, Principal
from harness.core.errors import AwsError
from tests.access.operations.iam import arn, document, trust
from tests.support import ACCOUNT

# Few names, some of which differ only in their case, so that sequences meet.
NAMES = st.sampled_from(["ann", "bob", "ANN"])
GROUPS = st.sampled_from([f"group{number}" for number in range(11)])
POLICIES = st.sampled_from([f"policy{number}" for number in range(11)])
HOLDERS = st.sampled_from(["user", "group", "role"])
PLURAL = {"user": "users", "group": "groups", "role": "roles"}


class Sequences(RuleBasedStateMachine):
    """The model: names of each kind, and sets of pairs. Each expected refusal is computed from them."""

    @initialize()
    def begin(self) -> None:
        """Two of each kind, and as many groups and policies as one may not have."""
        self.access = Access(cast("Backend", None), ACCOUNT)
        self.call = Call("iam", "", Principal(arn("root", "", ""), ACCOUNT, "root"), ACCOUNT, "us-east-1", "id")
        self.names: dict[str, set[str]] = defaultdict(set)
        self.members: set[tuple[str, str]] = set()
        self.inline: set[tuple[str, str, str]] = set()
        self.attached: set[tuple[str, str, str]] = set()
        self.boundaries: dict[str, str] = {}
        self.keys: dict[str, set[str]] = defaultdict(set)
        self.versions: dict[str, set[int]] = {}
        self.default: dict[str, int] = {}
        self.newest: dict[str, int] = {}
        self.ids: dict[tuple[str, str], str] = {}
        self.used_ids: set[str] = set()
        for kind in PLURAL:
            for name in ("ann", "bob"):
                self.create(kind, name)
        for number in range(11):
            self.create("group", f"group{number}")
            self.create_policy(f"policy{number}")

    def try_(self, expected: str | None, operation: str, **request: Any) -> dict[str, Any]:
        """Runs an operation, which has to answer, or to refuse with the expected code."""
        work = getattr(self.access, operation)(self.call, request)
        if expected is None:
            return dict(asyncio.run(work))
        with pytest.raises(AwsError) as raised:
            asyncio.run(work)
        assert raised.value.code == expected
        return {}

    def missing(self, kind: str, name: str) -> str | None:
        return None if name in self.names[kind] else "NoSuchEntity"

    def taken(self, kind: str, name: str) -> bool:
        return name.lower() in {known.lower() for known in self.names[kind]}

    # ---- users, groups and roles

    @rule(kind=HOLDERS, name=NAMES)
    def create(self, kind: str, name: str) -> None:
        more = {"AssumeRolePolicyDocument": trust()} if kind == "role" else {}
        expected = "EntityAlreadyExists" if self.taken(kind, name) else None
        noun = kind.capitalize()
        answer = self.try_(expected, f"create_{kind}", **{f"{noun}Name": name}, **more)
        if expected is None:
            unique_id = answer[noun][f"{noun}Id"]
            assert unique_id not in self.used_ids
            self.used_ids.add(unique_id)
            self.ids[kind, name] = unique_id
            self.names[kind].add(name)

    @rule(kind=HOLDERS, name=NAMES)
    def delete(self, kind: str, name: str) -> None:
        expected = self.missing(kind, name)
        if expected is None and (
            any(pair[:2] == (kind, name) for pair in self.attached | self.inline)
            or (kind == "user" and (self.keys[name] or any(user == name for user, _ in self.members)))
            or (kind == "group" and any(group == name for _, group in self.members))
        ):
            expected = "DeleteConflict"
        self.try_(expected, f"delete_{kind}", **{f"{kind.capitalize()}Name": name})
        if expected is None:
            self.names[kind].remove(name)
            del self.ids[kind, name]
            if kind == "user":
                self.boundaries.pop(name, None)

    @rule(kind=st.sampled_from(["user", "group"]), name=NAMES, new_name=NAMES)
    def rename(self, kind: str, name: str, new_name: str) -> None:
        expected = self.missing(kind, name)
        if expected is None and new_name.lower() != name.lower() and self.taken(kind, new_name):
            expected = "EntityAlreadyExists"
        noun = kind.capitalize()
        self.try_(expected, f"update_{kind}", **{f"{noun}Name": name, f"New{noun}Name": new_name})
        if expected is not None:
            return
        self.names[kind] = self.names[kind] - {name} | {new_name}
        self.ids[kind, new_name] = self.ids.pop((kind, name))
        for pairs in (self.attached, self.inline):
            for pair in [pair for pair in pairs if pair[:2] == (kind, name)]:
                pairs.remove(pair)
                pairs.add((kind, new_name, pair[2]))
        if kind == "user":
            self.members = {(new_name if user == name else user, group) for user, group in self.members}
            self.keys[new_name] = self.keys.pop(name, set())
            if name in self.boundaries:
                self.boundaries[new_name] = self.boundaries.pop(name)
        else:
            self.members = {(user, new_name if group == name else group) for user, group in self.members}

    # ---- groups' members

    @rule(group=GROUPS)
    def create_numbered_group(self, group: str) -> None:
        self.create("group", group)

    @rule(user=NAMES, group=NAMES | GROUPS)
    def add_to_group(self, user: str, group: str) -> None:
        expected = self.missing("user", user) or self.missing("group", group)
        groups = {known for member, known in self.members if member == user}
        if expected is None and group not in groups and len(groups) >= 10:
            expected = "LimitExceeded"
        self.try_(expected, "add_user_to_group", UserName=user, GroupName=group)
        if expected is None:
            self.members.add((user, group))

    @rule(user=NAMES)
    def add_to_ten_groups(self, user: str) -> None:
        for number in range(10):
            self.add_to_group(user, f"group{number}")

    @rule(user=NAMES, group=NAMES | GROUPS)
    def remove_from_group(self, user: str, group: str) -> None:
        expected = self.missing("user", user) or self.missing("group", group)
        self.try_(expected, "remove_user_from_group", UserName=user, GroupName=group)
        self.members.discard((user, group))

    # ---- policies

    @rule(kind=HOLDERS, name=NAMES, policy=NAMES)
    def put_inline(self, kind: str, name: str, policy: str) -> None:
        expected = self.missing(kind, name)
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"put_{kind}_policy", **who, PolicyName=policy, PolicyDocument=document())
        if expected is None:
            self.inline.add((kind, name, policy))

    @rule(kind=HOLDERS, name=NAMES, policy=NAMES)
    def delete_inline(self, kind: str, name: str, policy: str) -> None:
        expected = None if (kind, name, policy) in self.inline else "NoSuchEntity"
        self.try_(expected, f"delete_{kind}_policy", **{f"{kind.capitalize()}Name": name}, PolicyName=policy)
        self.inline.discard((kind, name, policy))

    @rule(policy=POLICIES)
    def create_policy(self, policy: str) -> None:
        expected = "EntityAlreadyExists" if policy in self.versions else None
        self.try_(expected, "create_policy", PolicyName=policy, PolicyDocument=document())
        if expected is None:
            self.versions[policy], self.default[policy], self.newest[policy] = {1}, 1, 1

    @rule(policy=POLICIES)
    def delete_policy(self, policy: str) -> None:
        expected = None if policy in self.versions else "NoSuchEntity"
        used = policy in self.boundaries.values() or any(known == policy for *_, known in self.attached)
        if expected is None and (used or len(self.versions[policy]) > 1):
            expected = "DeleteConflict"
        self.try_(expected, "delete_policy", PolicyArn=arn("policy", policy))
        if expected is None:
            del self.versions[policy]

    @rule(policy=POLICIES, default=st.booleans())
    def create_version(self, policy: str, default: bool) -> None:
        expected = None if policy in self.versions else "NoSuchEntity"
        if expected is None and len(self.versions[policy]) >= 5:
            expected = "LimitExceeded"
        self.try_(
            expected,
            "create_policy_version",
            PolicyArn=arn("policy", policy),
            PolicyDocument=document(),
            SetAsDefault=default,
        )
        if expected is None:
            self.newest[policy] += 1
            self.versions[policy].add(self.newest[policy])
            self.default[policy] = self.newest[policy] if default else self.default[policy]

    @rule(policy=POLICIES, number=st.integers(1, 6))
    def delete_version(self, policy: str, number: int) -> None:
        expected = None if number in self.versions.get(policy, ()) else "NoSuchEntity"
        if expected is None and self.default[policy] == number:
            expected = "DeleteConflict"
        self.try_(expected, "delete_policy_version", PolicyArn=arn("policy", policy), VersionId=f"v{number}")
        if expected is None:
            self.versions[policy].remove(number)

    @rule(kind=HOLDERS, name=NAMES, policy=POLICIES)
    def attach(self, kind: str, name: str, policy: str) -> None:
        expected = self.missing(kind, name) or (None if policy in self.versions else "NoSuchEntity")
        held = {known for *who, known in self.attached if tuple(who) == (kind, name)}
        if expected is None and policy not in held and len(held) >= 10:
            expected = "LimitExceeded"
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"attach_{kind}_policy", **who, PolicyArn=arn("policy", policy))
        if expected is None:
            self.attached.add((kind, name, policy))

    @rule(kind=HOLDERS, name=NAMES)
    def attach_ten(self, kind: str, name: str) -> None:
        for number in range(10):
            self.attach(kind, name, f"policy{number}")

    @rule(kind=HOLDERS, name=NAMES, policy=POLICIES)
    def detach(self, kind: str, name: str, policy: str) -> None:
        expected = None if (kind, name, policy) in self.attached else "NoSuchEntity"
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"detach_{kind}_policy", **who, PolicyArn=arn("policy", policy))
        self.attached.discard((kind, name, policy))

    @rule(user=NAMES, policy=POLICIES)
    def put_boundary(self, user: str, policy: str) -> None:
        expected = self.missing("user", user) or (None if policy in self.versions else "NoSuchEntity")
        boundary = arn("policy", policy)
        self.try_(expected, "put_user_permissions_boundary", UserName=user, PermissionsBoundary=boundary)
        if expected is None:
            self.boundaries[user] = policy

    @rule(user=NAMES)
    def delete_boundary(self, user: str) -> None:
        expected = None if user in self.boundaries else "NoSuchEntity"
        self.try_(expected, "delete_user_permissions_boundary", UserName=user)
        self.boundaries.pop(user, None)

    # ---- access keys

    @rule(user=NAMES)
    def create_key(self, user: str) -> None:
        expected = self.missing("user", user)
        if expected is None and len(self.keys[user]) >= 2:
            expected = "LimitExceeded"
        answer = self.try_(expected, "create_access_key", UserName=user)
        if expected is None:
            self.keys[user].add(answer["AccessKey"]["AccessKeyId"])

    @precondition(lambda self: any(self.keys.values()))
    @rule(user=NAMES, data=st.data())
    def delete_key(self, user: str, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(key for keys in self.keys.values() for key in keys)))
        expected = None if key in self.keys[user] else "NoSuchEntity"
        self.try_(expected, "delete_access_key", UserName=user, AccessKeyId=key)
        self.keys[user].discard(key)

    # ---- what must hold after each step

    @invariant()
    def the_account_is_as_the_model(self) -> None:
        account = self.access.state.account(ACCOUNT)
        for kind, plural in PLURAL.items():
            holders = {holder.name: holder for holder in getattr(account, plural)}
            assert set(holders) == self.names[kind]
            for name, holder in holders.items():
                assert holder.unique_id == self.ids[kind, name]
                assert set(holder.inline) == {policy for *who, policy in self.inline if tuple(who) == (kind, name)}
                attached = {policy for *who, policy in self.attached if tuple(who) == (kind, name)}
                assert {policy.name for policy in holder.attached.values()} == attached
        assert {(user.name, group) for user in account.users for group in user.groups} == self.members
        assert {(user, group.name) for group in account.groups for user in group.members} == self.members
        assert {user.name: user.boundary.name for user in account.users if user.boundary} == self.boundaries
        for policy in account.policies:
            holders_of = {self.ids[kind, name] for kind, name, known in self.attached if known == policy.name}
            assert policy.attached_to == holders_of
            assert policy.bounds == {
                self.ids["user", user] for user, known in self.boundaries.items() if known == policy.name
            }
            assert set(policy.versions) == self.versions[policy.name]
            assert policy.default_version == self.default[policy.name]

    @invariant()
    def a_key_is_known_as_long_as_its_user_is_there(self) -> None:
        for user, keys in self.keys.items():
            for key_id in keys:
                key = self.access.directory.key(key_id)
                assert key is not None and self.access.directory.principal(key).arn == arn("user", user)


TestSequences = Sequences.TestCase
TestSequences.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
