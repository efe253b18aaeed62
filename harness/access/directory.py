"""The directory of principals: whose an access key is, and which policies a user or role has.

The backend's IAM, STS and S3 hold the facts. They are read through boto3 and cached.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from harness.access.entities import Entity, read_entity, read_managed, read_policy
from harness.access.rules.access_keys import AccessKey, issued_key
from harness.access.rules.policy import Policy
from harness.access.rules.principals import Caller, session_caller
from harness.access.state import State
from harness.backend.client import Backend
from harness.core import tasks
from harness.core.calls import Principal
from harness.core.clock import Clock, WallClock
from harness.core.environment import ADMINISTRATOR_KEY

# A write to IAM that passes the gateway empties the cache at once. A write that does not pass it is seen after this
# time. An entry that is older is still used while it is read again, so that no request waits.
_LIFETIME_SECONDS = 5.0
# The keys of every local emulator, and of localstack-client's sessions.
ADMINISTRATOR_KEYS = frozenset((ADMINISTRATOR_KEY, "accesskey"))
_ASSUMED = "after-call.sts.AssumeRole"  # an event of botocore
_ADMINISTRATOR = "harness-administrator"
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
            tasks.in_thread(self._read, name), "reading a principal's policies", expected=(BotoCoreError, ClientError)
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
        self, backend: Backend, state: State | None = None, *, administrator: bool = True, clock: Clock | None = None
    ) -> None:
        self._backend = backend
        self._administrator = administrator
        self.state = state or State()
        self._clock = clock = clock or WallClock()
        self._entities = _Cache(self._read_entity, clock)
        self._managed = _Cache(self._read_managed, clock)
        self._buckets = _Cache(self._read_bucket, clock)

    @property
    def account(self) -> str:
        """The backend's account id, known from start() on."""
        return self.state.account

    async def start(self) -> None:
        """Asks the backend for the account's id, and from now on notes the keys that the harness's own calls get."""
        identity = await self._backend.call("sts", "get_caller_identity")
        self.state.account = identity["Account"]
        self._backend.client("sts").meta.events.register(_ASSUMED, self._on_assume_role)

    def close(self) -> None:
        """Ends that."""
        self._backend.client("sts").meta.events.unregister(_ASSUMED, self._on_assume_role)

    def _on_assume_role(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.note_key("AssumeRole", {}, parsed, None)

    # ---- access keys

    def note_key(
        self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], caller: Principal | None
    ) -> None:
        """Keeps the access key in an answer of STS or IAM, if there is one (harness.access.rules.access_keys)."""
        key = issued_key(operation, request, answer, self.account, caller, self._clock.now())
        if key is not None:
            self.state.keys.add(key)

    @property
    def root(self) -> Principal:
        """The account's administrator."""
        return Principal(f"arn:aws:iam::{self.account}:root", self.account, "root")

    def is_administrator(self, principal: Principal) -> bool:
        """Whether a principal may call the harness itself: the root user, or the user of make_administrator()."""
        user = Principal(f"arn:aws:iam::{self.account}:user/{_ADMINISTRATOR}", self.account, "user")
        return principal.kind == "root" or (not self._administrator and principal == user)

    async def make_administrator(self, key: tuple[str, str] | None = None) -> tuple[str, str]:
        """Makes an IAM user who may do everything, for a harness whose well-known key may not; the key and secret.

        key: the one that the user had before the backend was emptied, and has again.
        """
        return await tasks.in_thread(self._make_administrator, key)

    def _make_administrator(self, key: tuple[str, str] | None) -> tuple[str, str]:
        iam = self._backend.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=_ADMINISTRATOR)
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        iam.put_user_policy(UserName=_ADMINISTRATOR, PolicyName="all", PolicyDocument=json.dumps(everything))
        if key is None:
            answer = iam.create_access_key(UserName=_ADMINISTRATOR)
        else:
            self._backend.put_access_key(_ADMINISTRATOR, *key)
            access_key = {"UserName": _ADMINISTRATOR, "AccessKeyId": key[0], "SecretAccessKey": key[1]}
            answer = {"AccessKey": access_key}
        self.note_key("CreateAccessKey", {}, answer, None)
        return answer["AccessKey"]["AccessKeyId"], answer["AccessKey"]["SecretAccessKey"]

    async def key(self, key_id: str) -> AccessKey | None:
        """The access key with that id; None if neither IAM nor STS issued it, or if it is inactive.

        The keys that clients of local emulators bring along are the administrator's.
        """
        if self._administrator and key_id in ADMINISTRATOR_KEYS:
            return AccessKey(key_id, self.root)
        keys = self.state.keys
        key = keys.get(key_id)
        if key is None:
            principal = await tasks.in_thread(self._find_owner, key_id)
            # The answer that issued the key may have passed in the meantime, and that has the secret.
            if principal is not None and keys.get(key_id) is None:
                keys.add(AccessKey(key_id, principal))
            key = keys.get(key_id)
        return key if key is not None and key.active else None

    def _find_owner(self, key_id: str) -> Principal | None:
        # Backends do not verify signatures: they name a key's owner to a client without its secret.
        sts = self._backend.connect("sts", key_id, "unknown")
        try:
            arn = sts.get_caller_identity()["Arn"]
        except (ClientError, BotoCoreError):
            return None
        finally:
            sts.close()
        if ":assumed-role/" in arn:
            return Principal(arn, self.account, "assumed-role")
        # For a key that it never issued moto names "user/moto", and LocalStack the root user.
        if ":user/" in arn and not arn.endswith(":user/moto") and self._is_active(key_id, arn):
            return Principal(arn, self.account, "user")
        return None

    def _is_active(self, key_id: str, arn: str) -> bool:
        pages = self._backend.client("iam").get_paginator("list_access_keys").paginate(UserName=arn.rpartition("/")[2])
        keys = (key for page in pages for key in page["AccessKeyMetadata"])
        return any(key["AccessKeyId"] == key_id and key["Status"] == "Active" for key in keys)

    # ---- policies

    def iam_changed(self) -> None:
        """Forgets what may have changed with a write to IAM."""
        self._entities.clear()
        self._managed.clear()
        self.state.keys.forget_without_secret()

    def buckets_changed(self) -> None:
        """Forgets the buckets' policies."""
        self._buckets.clear()

    def cached_entity(self, principal: Principal) -> Entity | None:
        """The result of entity(), if it is in the cache. Never waits."""
        return self._entities.cached(_entity_name(principal))

    async def entity(self, principal: Principal) -> Entity:
        """The user or role of a principal; one without policies if it has been deleted."""
        return await self._entities.get(_entity_name(principal))

    async def role(self, arn: str) -> Entity:
        """A role by its ARN."""
        return await self._entities.get(f"role/{arn.rpartition('/')[2]}")

    async def entity_of_arn(self, arn: str) -> Entity:
        """A user, group or role by its ARN."""
        kind = arn.rpartition(":")[2].partition("/")[0]
        return await self._entities.get(f"{kind}/{arn.rpartition('/')[2]}")

    async def session_policies(self, key: AccessKey) -> tuple[Policy, ...] | None:
        """A key's session policies, managed ones included; None if nothing limits the session."""
        if key.session is None:
            return None
        managed = [await self._managed.get(arn) for arn in key.session_arns]
        return (*key.session, *(policy for policy in managed if policy.statements))

    async def bucket_policy(self, bucket: str) -> Policy | None:
        """A bucket's own policy; None if it has none."""
        policy = await self._buckets.get(bucket)
        return policy if policy.statements else None

    def caller(self, principal: Principal, entity: Entity) -> Caller:
        """The principal as policies name it."""
        if principal.kind == "assumed-role":
            return session_caller(principal.arn, entity.arn)
        return Caller(principal.arn, principal.account, principal.kind)

    def _read_entity(self, name: str) -> Entity:
        kind, _, bare = name.partition("/")
        try:
            return read_entity(self._backend.client("iam"), kind, bare)
        except ClientError:
            # A role or user that was deleted while its credentials live on has no policies left.
            return Entity("")

    def _read_managed(self, arn: str) -> Policy:
        return read_managed(self._backend.client("iam"), arn)

    def _read_bucket(self, bucket: str) -> Policy:
        try:
            document = self._backend.client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        except ClientError:
            return Policy(f"policy of bucket {bucket}", ())
        return read_policy(f"policy of bucket {bucket}", document, "resource")


def _entity_name(principal: Principal) -> str:
    return f"{'role' if principal.kind == 'assumed-role' else 'user'}/{principal.name}"
