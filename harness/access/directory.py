"""The directory of principals: whose an access key is, and which policies limit it.

Users, roles and sessions are in the state. Buckets' policies are in the backend: they are read through boto3 and
cached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from harness.access.entities import Entity, read_policy
from harness.access.identities import Group, PolicyDocument, Role, User
from harness.access.rules import identifiers
from harness.access.rules.access_keys import AccessKey
from harness.access.rules.policy import Policy, parse_policy
from harness.access.rules.principals import Caller, session_caller
from harness.access.state import KeyUse, State
from harness.backend.client import Backend
from harness.core import tasks
from harness.core.calls import Principal
from harness.core.clock import Clock, WallClock
from harness.core.environment import ADMINISTRATOR_KEY

# A change of a bucket's policy that passes the gateway empties the cache at once. One that does not pass it is seen
# after this time. An entry that is older is still used while it is read again, so that no request waits.
_LIFETIME_SECONDS = 5.0
# The keys of every local emulator, and of localstack-client's sessions.
ADMINISTRATOR_KEYS = frozenset((ADMINISTRATOR_KEY, "accesskey"))
_ASSUMED = "after-call.sts.AssumeRole"  # an event of botocore
_ADMINISTRATOR = "harness-administrator"
_EVERYTHING = '{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'
Item = TypeVar("Item")


class _Cache(Generic[Item]):
    """Items read from the backend, by name. An old item is refreshed in the background."""

    def __init__(self, read: Callable[[str], Item], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._items: dict[str, tuple[float, Item]] = {}
        self._reading: dict[str, asyncio.Task[Item]] = {}

    def cached(self, name: str) -> Item | None:
        """The item, if it is here; None if it has to be read first. Never waits."""
        entry = self._items.get(name)
        if entry is None:
            return None
        since, item = entry
        if self._clock.now() - since >= _LIFETIME_SECONDS and name not in self._reading:
            self._begin(name)
        return item

    async def get(self, name: str) -> Item:
        item = self.cached(name)
        return item if item is not None else await asyncio.shield(self._reading.get(name) or self._begin(name))

    def clear(self) -> None:
        """Forgets everything, also what is being read now: that may be from before the change."""
        self._items.clear()
        self._reading.clear()

    def _begin(self, name: str) -> asyncio.Task[Item]:
        task = tasks.start(
            tasks.in_thread(self._read, name), "reading a bucket's policy", expected=(BotoCoreError, ClientError)
        )
        self._reading[name] = task
        task.add_done_callback(lambda done: self._end(name, done))
        return task

    def _end(self, name: str, task: asyncio.Task[Item]) -> None:
        if self._reading.get(name) is not task:
            return
        del self._reading[name]
        if not task.cancelled() and task.exception() is None:
            self._items[name] = (self._clock.now(), task.result())


class Directory:
    """Principals and their policies.

    administrator: whether the well-known key ``test`` is the account's administrator. clock: tells the age of cached
    items; the wall's by default, also when the harness's clock is sped up: credentials and signatures have wall time.
    """

    def __init__(
        self, backend: Backend, state: State, *, administrator: bool = True, clock: Clock | None = None
    ) -> None:
        self._backend = backend
        self._administrator = administrator
        self.state = state
        self._buckets = _Cache(self._read_bucket, clock or WallClock())
        self._moment = (0, datetime.fromtimestamp(0, UTC))

    @property
    def account(self) -> str:
        """The id of the default account."""
        return self.state.default_account

    @property
    def root(self) -> Principal:
        """The default account's administrator."""
        return root_of(self.account)

    def is_administrator(self, principal: Principal) -> bool:
        """Whether a principal may call the harness itself: the root user, or the user of make_administrator()."""
        user = Principal(f"arn:aws:iam::{self.account}:user/{_ADMINISTRATOR}", self.account, "user")
        return principal == self.root or (not self._administrator and principal == user)

    def make_administrator(self, known: tuple[str, str] | None = None) -> tuple[str, str]:
        """Makes an IAM user who may do everything, for a harness whose well-known key may not; the key and secret.

        known: the key that the user had before everything was emptied, and has again.
        """
        account = self.state.account(self.account)
        user = account.users.get(_ADMINISTRATOR)
        if user is None:
            new_id = account.new_id(identifiers.USER)
            user = User(account.account_id, _ADMINISTRATOR, "/", new_id, account.now())
            user.inline["all"] = PolicyDocument(_EVERYTHING, parse_policy("all", _EVERYTHING))
            account.add(user)
        key = self.state.issue_long_term(account.account_id, user.unique_id, known)
        user.access_keys.append(key.key_id)
        return key.key_id, key.secret

    # ---- access keys

    def key(self, key_id: str) -> AccessKey | None:
        """The access key with that id; None if nobody issued it, it is inactive, or its user or role is deleted.

        The keys that clients of local emulators bring along are the administrator's.
        """
        if self._administrator and key_id in ADMINISTRATOR_KEYS:
            return AccessKey(key_id, self.account)
        key = self.state.keys.get(key_id)
        if key is None or not key.active or (key.owner and self._holder(key) is None):
            return None
        return key

    def well_known(self, key: AccessKey) -> bool:
        """Whether it is a key of every local emulator, which the administrator has in place of a user's own.

        AWS knows no such key. It acts as the account's root, and may assume the roles that trust the account.
        """
        return self._administrator and key.key_id in ADMINISTRATOR_KEYS

    def principal(self, key: AccessKey) -> Principal:
        """Who has the key, under the present names. key: one that key() returned."""
        holder, session = self._holder(key), key.session
        if session is not None and session.kind == "federated-user":
            arn = f"arn:aws:sts::{key.account}:federated-user/{session.name}"
            return Principal(arn, key.account, "federated-user")
        if isinstance(holder, Role):
            arn = identifiers.session_arn(key.account, holder.name, session.name if session else "")
            return Principal(arn, key.account, "assumed-role")
        if holder is not None:
            return Principal(holder.arn, key.account, "user")
        return root_of(key.account)

    def user_id(self, key: AccessKey) -> str:
        """``aws:userid``: the account for its root, ``AIDA...``, ``AROA...:session`` or ``ACCOUNT:federated-name``."""
        session = key.session
        if session is not None and session.kind == "federated-user":
            return f"{key.account}:{session.name}"
        if not key.owner:
            return key.account
        return f"{key.owner}:{session.name}" if session is not None and session.name else key.owner

    def owner(self, key: AccessKey) -> Entity:
        """The user or role whose policies limit the key.

        The root has an entity without policies, because no policy limits the root. A federated user of the root has an
        entity that may do everything; the session policies limit it.
        """
        holder = self._holder(key)
        if holder is None and key.session is not None and key.session.kind == "federated-user":
            return Entity(f"arn:aws:iam::{key.account}:root", (parse_policy("root", _EVERYTHING),))
        return Entity("") if holder is None else self.state.account(key.account).entity(holder)

    def _holder(self, key: AccessKey) -> User | Group | Role | None:
        return self.state.account(key.account).by_id(key.owner) if key.owner else None

    def key_used(self, key: AccessKey, service: str, region: str, now: float) -> None:
        """Remembers that a key signed a request. service: its signing name; now: seconds since 1970."""
        if key.session is None:
            self.state.keys.used(key, KeyUse(now, service, region))
            return
        holder = self._holder(key)
        if isinstance(holder, Role):
            second = int(now)
            if self._moment[0] != second:  # a role makes many requests in a second
                self._moment = (second, datetime.fromtimestamp(second, UTC))
            holder.last_used, holder.last_used_region = self._moment[1], region

    # ---- policies

    def buckets_changed(self) -> None:
        """Forgets the buckets' policies."""
        self._buckets.clear()

    def entity_of_arn(self, arn: str) -> Entity | None:
        """A user, group or role by its ARN, in any account; None if there is none."""
        account = arn.split(":")[4] if arn.count(":") >= 5 else ""
        known = self.state.accounts.get(account)
        holder = known.by_arn(arn) if known is not None else None
        return known.entity(holder) if known is not None and holder is not None else None

    def session_policies(self, key: AccessKey) -> tuple[Policy, ...] | None:
        """A key's session policies, managed ones included; None if nothing limits the session."""
        session = key.session
        if session is None or session.policies is None:
            return None
        account = self.state.account(key.account)
        managed = [account.policy(arn) for arn in session.managed_policies]
        return (*session.policies, *(policy.default.document.policy for policy in managed if policy is not None))

    async def bucket_policy(self, bucket: str) -> Policy | None:
        """A bucket's own policy; None if it has none."""
        policy = await self._buckets.get(bucket)
        return policy if policy.statements else None

    def caller(self, principal: Principal, entity: Entity) -> Caller:
        """The principal as policies name it."""
        if principal.kind == "assumed-role":
            return session_caller(principal.arn, entity.arn)
        if principal.kind == "federated-user":
            return Caller(principal.arn, principal.account, "federated-user", entity.arn)
        return Caller(principal.arn, principal.account, principal.kind)

    def _read_bucket(self, bucket: str) -> Policy:
        try:
            document = self._backend.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return Policy(f"policy of bucket {bucket}", ())
        return read_policy(f"policy of bucket {bucket}", document, "resource")


def root_of(account: str) -> Principal:
    """An account's root user."""
    return Principal(f"arn:aws:iam::{account}:root", account, "root")
