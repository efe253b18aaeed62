"""Random sequences of operations against a simple model of its own: who exists, what hangs on whom, what is refused."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from harness.access.api import Access
from harness.backend.client import Backend
from harness.core.calls import Call, Principal
from harness.core.errors import AwsError
from tests.access.operations.iam import arn, document, trust
from tests.support import ACCOUNT

# Few names, some of which differ only in their case, so that sequences meet.
NAMES = ["ann", "bob", "ANN"]
GROUPS = [f"group{number}" for number in range(11)]
POLICIES = [f"policy{number}" for number in range(11)]
HOLDERS = ["user", "group", "role"]
NUMBERS = range(1, 7)
PLURAL = {"user": "users", "group": "groups", "role": "roles"}


# What may happen, each with the values that it takes.
OPERATIONS: dict[str, dict[str, Sequence[Any]]] = {
    "create": {"kind": HOLDERS, "name": NAMES},
    "delete": {"kind": HOLDERS, "name": NAMES},
    "rename": {"kind": ("user", "group"), "name": NAMES, "new_name": NAMES},
    "create_numbered_group": {"group": GROUPS},
    "add_to_group": {"user": NAMES, "group": [*NAMES * 4, *GROUPS]},
    "add_to_ten_groups": {"user": NAMES},
    "remove_from_group": {"user": NAMES, "group": [*NAMES * 4, *GROUPS]},
    "put_inline": {"kind": HOLDERS, "name": NAMES, "policy": NAMES},
    "delete_inline": {"kind": HOLDERS, "name": NAMES, "policy": NAMES},
    "create_policy": {"policy": POLICIES},
    "delete_policy": {"policy": POLICIES},
    "create_version": {"policy": POLICIES, "default": (False, True)},
    "delete_version": {"policy": POLICIES, "number": NUMBERS},
    "attach": {"kind": HOLDERS, "name": NAMES, "policy": POLICIES},
    "attach_ten": {"kind": HOLDERS, "name": NAMES},
    "detach": {"kind": HOLDERS, "name": NAMES, "policy": POLICIES},
    "put_boundary": {"user": NAMES, "policy": POLICIES},
    "delete_boundary": {"user": NAMES},
    "create_key": {"user": NAMES},
    "delete_key": {"user": NAMES, "number": NUMBERS},
}


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

    # One rule for all operations: with a rule for each, Hypothesis leaves most of them out of a sequence.
    @rule(operation=st.sampled_from(sorted(OPERATIONS)), data=st.data())
    def step(self, operation: str, data: st.DataObject) -> None:
        values = {name: st.sampled_from(choices) for name, choices in OPERATIONS[operation].items()}
        getattr(self, operation)(**data.draw(st.fixed_dictionaries(values), operation))

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

    def create_numbered_group(self, group: str) -> None:
        self.create("group", group)

    def add_to_group(self, user: str, group: str) -> None:
        expected = self.missing("user", user) or self.missing("group", group)
        groups = {known for member, known in self.members if member == user}
        if expected is None and group not in groups and len(groups) >= 10:
            expected = "LimitExceeded"
        self.try_(expected, "add_user_to_group", UserName=user, GroupName=group)
        if expected is None:
            self.members.add((user, group))

    def add_to_ten_groups(self, user: str) -> None:
        for number in range(10):
            self.add_to_group(user, f"group{number}")

    def remove_from_group(self, user: str, group: str) -> None:
        expected = self.missing("user", user) or self.missing("group", group)
        self.try_(expected, "remove_user_from_group", UserName=user, GroupName=group)
        self.members.discard((user, group))

    # ---- policies

    def put_inline(self, kind: str, name: str, policy: str) -> None:
        expected = self.missing(kind, name)
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"put_{kind}_policy", **who, PolicyName=policy, PolicyDocument=document())
        if expected is None:
            self.inline.add((kind, name, policy))

    def delete_inline(self, kind: str, name: str, policy: str) -> None:
        expected = None if (kind, name, policy) in self.inline else "NoSuchEntity"
        self.try_(expected, f"delete_{kind}_policy", **{f"{kind.capitalize()}Name": name}, PolicyName=policy)
        self.inline.discard((kind, name, policy))

    def create_policy(self, policy: str) -> None:
        expected = "EntityAlreadyExists" if policy in self.versions else None
        self.try_(expected, "create_policy", PolicyName=policy, PolicyDocument=document())
        if expected is None:
            self.versions[policy], self.default[policy], self.newest[policy] = {1}, 1, 1

    def delete_policy(self, policy: str) -> None:
        expected = None if policy in self.versions else "NoSuchEntity"
        used = policy in self.boundaries.values() or any(known == policy for *_, known in self.attached)
        if expected is None and (used or len(self.versions[policy]) > 1):
            expected = "DeleteConflict"
        self.try_(expected, "delete_policy", PolicyArn=arn("policy", policy))
        if expected is None:
            del self.versions[policy]

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

    def delete_version(self, policy: str, number: int) -> None:
        expected = None if number in self.versions.get(policy, ()) else "NoSuchEntity"
        if expected is None and self.default[policy] == number:
            expected = "DeleteConflict"
        self.try_(expected, "delete_policy_version", PolicyArn=arn("policy", policy), VersionId=f"v{number}")
        if expected is None:
            self.versions[policy].remove(number)

    def attach(self, kind: str, name: str, policy: str) -> None:
        expected = self.missing(kind, name) or (None if policy in self.versions else "NoSuchEntity")
        held = {known for *who, known in self.attached if tuple(who) == (kind, name)}
        if expected is None and policy not in held and len(held) >= 10:
            expected = "LimitExceeded"
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"attach_{kind}_policy", **who, PolicyArn=arn("policy", policy))
        if expected is None:
            self.attached.add((kind, name, policy))

    def attach_ten(self, kind: str, name: str) -> None:
        for number in range(10):
            self.attach(kind, name, f"policy{number}")

    def detach(self, kind: str, name: str, policy: str) -> None:
        expected = None if (kind, name, policy) in self.attached else "NoSuchEntity"
        who = {f"{kind.capitalize()}Name": name}
        self.try_(expected, f"detach_{kind}_policy", **who, PolicyArn=arn("policy", policy))
        self.attached.discard((kind, name, policy))

    def put_boundary(self, user: str, policy: str) -> None:
        expected = self.missing("user", user) or (None if policy in self.versions else "NoSuchEntity")
        boundary = arn("policy", policy)
        self.try_(expected, "put_user_permissions_boundary", UserName=user, PermissionsBoundary=boundary)
        if expected is None:
            self.boundaries[user] = policy

    def delete_boundary(self, user: str) -> None:
        expected = None if user in self.boundaries else "NoSuchEntity"
        self.try_(expected, "delete_user_permissions_boundary", UserName=user)
        self.boundaries.pop(user, None)

    # ---- access keys

    def create_key(self, user: str) -> None:
        expected = self.missing("user", user)
        if expected is None and len(self.keys[user]) >= 2:
            expected = "LimitExceeded"
        answer = self.try_(expected, "create_access_key", UserName=user)
        if expected is None:
            self.keys[user].add(answer["AccessKey"]["AccessKeyId"])

    def delete_key(self, user: str, number: int) -> None:
        keys = sorted(key for keys in self.keys.values() for key in keys)
        key = keys[number % len(keys)] if keys else "AKIAIOSFODNN7EXAMPLE"
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
TestSequences.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("seed", range(4))
def test_long_random_sequences(seed: int) -> None:
    """Without Hypothesis, which prefers short and simple sequences: these fill every quota and meet every conflict."""
    choose = random.Random(seed)
    sequence = Sequences()
    sequence.begin()
    for _ in range(500):
        operation = choose.choice(sorted(OPERATIONS))
        getattr(sequence, operation)(
            **{name: choose.choice(choices) for name, choices in OPERATIONS[operation].items()}
        )
        sequence.the_account_is_as_the_model()
        sequence.a_key_is_known_as_long_as_its_user_is_there()
