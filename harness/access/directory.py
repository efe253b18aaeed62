"""The backend's IAM and STS as a directory: whose key is this, and which policies does he have."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from harness.access.keys import Key, Keys, issued
from harness.access.rules.policy import Policy
from harness.access.rules.principals import Caller, session_caller
from harness.access.stored import Entity, read_entity, read_managed, read_policy
from harness.backend.client import Backend, connect
from harness.core.calls import Principal
from harness.core.clock import Clock, WallClock
from harness.core.environment import ADMINISTRATOR_KEY

# IAM is eventually consistent on AWS; here a write seen by the gateway empties the cache, and what it missed is seen so
# much later: what is older is still taken while it is read anew, so that no request waits for it.
_LIFETIME_SECONDS = 5.0
# Of every local emulator, and of localstack-client's sessions.
_ADMINISTRATOR_KEYS = frozenset((ADMINISTRATOR_KEY, "accesskey"))
_ADMINISTRATOR = "harness-administrator"
Item = TypeVar("Item")


class _Cache(Generic[Item]):
    """What was read from the backend, by name; refreshed in the background when it is old."""

    def __init__(self, read: Callable[[str], Item], clock: Clock) -> None:
        self._read = read
        self._clock = clock
        self._found: dict[str, tuple[float, Item]] = {}
        self._reading: dict[str, asyncio.Task[Item]] = {}

    def at_hand(self, name: str) -> Item | None:
        """What is known, without waiting; None where it has to be read first."""
        found = self._found.get(name)
        if found is None:
            return None
        if self._clock.now() - found[0] >= _LIFETIME_SECONDS and name not in self._reading:
            self._begin(name)
        return found[1]

    async def get(self, name: str) -> Item:
        found = self.at_hand(name)
        return found if found is not None else await asyncio.shield(self._reading.get(name) or self._begin(name))

    def forget(self) -> None:
        """What is being read now began before whatever made this necessary, and is not kept."""
        self._found.clear()
        self._reading.clear()

    def _begin(self, name: str) -> asyncio.Task[Item]:
        task = asyncio.create_task(asyncio.to_thread(self._read, name))
        self._reading[name] = task
        task.add_done_callback(lambda done: self._end(name, done))
        return task

    def _end(self, name: str, task: asyncio.Task[Item]) -> None:
        if self._reading.get(name) is not task:
            return
        del self._reading[name]
        if not task.cancelled() and task.exception() is None:
            self._found[name] = (self._clock.now(), task.result())


class Directory:
    """Principals and their policies, read through boto3 and cached.

    account: the backend's account id, learned at start. administrator: whether the well-known key is one. clock: of
    what is kept, the wall's by default.
    """

    def __init__(self, backend: Backend, *, administrator: bool = True, clock: Clock | None = None) -> None:
        self._backend = backend
        self._administrator = administrator
        self.account = ""
        self.keys = Keys()
        # The wall's, however fast the harness's own goes: credentials and signatures have it too.
        self._clock = clock = clock or WallClock()
        self._entities = _Cache(self._read_entity, clock)
        self._managed = _Cache(self._read_managed, clock)
        self._buckets = _Cache(self._read_bucket, clock)

    async def start(self) -> None:
        """Learns the account's id from the backend, and from now on the keys that the harness itself gets."""
        identity = await self._backend.call("sts", "get_caller_identity")
        self.account = identity["Account"]
        events = self._backend.client("sts").meta.events
        events.register("after-call.sts.AssumeRole", self._on_assume_role)

    def _on_assume_role(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self.learn("AssumeRole", {}, parsed, None)

    def learn(
        self, operation: str, request: Mapping[str, Any], answer: Mapping[str, Any], caller: Principal | None
    ) -> None:
        """An answer of STS or IAM that may have a key in it."""
        key = issued(operation, request, answer, self.account, caller, self._clock.now())
        if key is not None:
            self.keys.add(key)

    @property
    def root(self) -> Principal:
        """The account's administrator."""
        return Principal(f"arn:aws:iam::{self.account}:root", self.account, "root")

    async def make_administrator(self) -> tuple[str, str]:
        """A user of IAM who may do everything, for whoever goes without the well-known key; his key and secret."""
        return await asyncio.to_thread(self._make_administrator)

    def _make_administrator(self) -> tuple[str, str]:
        iam = self._backend.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=_ADMINISTRATOR)
        everything = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        iam.put_user_policy(UserName=_ADMINISTRATOR, PolicyName="all", PolicyDocument=json.dumps(everything))
        answer = iam.create_access_key(UserName=_ADMINISTRATOR)
        self.learn("CreateAccessKey", {}, answer, None)
        return answer["AccessKey"]["AccessKeyId"], answer["AccessKey"]["SecretAccessKey"]

    async def key(self, access_key: str) -> Key | None:
        """An access key, or None for one that neither IAM nor STS issued.

        The keys that local emulators' clients bring along are the administrator's.
        """
        if self._administrator and access_key in _ADMINISTRATOR_KEYS:
            return Key(access_key, self.root)
        known = self.keys.get(access_key)
        if known is None:
            principal = await asyncio.to_thread(self._look_up, access_key)
            if principal is not None and self.keys.get(access_key) is None:
                self.keys.add(Key(access_key, principal))
            known = self.keys.get(access_key)
        return known if known is not None and known.active else None

    def _look_up(self, access_key: str) -> Principal | None:
        # Backends do not verify signatures, so a key's owner can be asked for without its secret.
        sts = connect("sts", self._backend.url, self._backend.region, access_key, "unknown")
        try:
            arn = sts.get_caller_identity()["Arn"]
        except (ClientError, BotoCoreError):
            return None
        finally:
            sts.close()
        if ":assumed-role/" in arn:
            return Principal(arn, self.account, "assumed-role")
        # moto names the owner of a key it never issued "user/moto", LocalStack the root user.
        if ":user/" in arn and not arn.endswith(":user/moto") and self._is_active(access_key, arn):
            return Principal(arn, self.account, "user")
        return None

    def _is_active(self, access_key: str, arn: str) -> bool:
        pages = self._backend.client("iam").get_paginator("list_access_keys").paginate(UserName=arn.rpartition("/")[2])
        entries = (entry for page in pages for entry in page["AccessKeyMetadata"])
        return any(one["AccessKeyId"] == access_key and one["Status"] == "Active" for one in entries)

    # ---- policies

    def forget(self) -> None:
        """Called when IAM was written to."""
        self._entities.forget()
        self._managed.forget()
        self.keys.forget_unseen()

    def forget_buckets(self) -> None:
        """Called when a bucket's policy was written to."""
        self._buckets.forget()

    def entity_at_hand(self, principal: Principal) -> Entity | None:
        """What entity() gives, where it need not wait."""
        return self._entities.at_hand(_entity_name(principal))

    async def entity(self, principal: Principal) -> Entity:
        """The user or role behind a principal; one that is no longer there has no policies left."""
        return await self._entities.get(_entity_name(principal))

    async def role(self, arn: str) -> Entity:
        """A role by its ARN."""
        return await self._entities.get(f"role/{arn.rpartition('/')[2]}")

    async def by_arn(self, arn: str) -> Entity:
        """A user, group or role by its ARN."""
        kind = arn.rpartition(":")[2].partition("/")[0]
        return await self._entities.get(f"{kind}/{arn.rpartition('/')[2]}")

    async def session_policies(self, key: Key) -> tuple[Policy, ...] | None:
        """The session policies of a key, managed ones included; None where nothing limits the session."""
        if key.session is None:
            return None
        managed = [await self._managed.get(arn) for arn in key.session_arns]
        return (*key.session, *(policy for policy in managed if policy.statements))

    async def bucket_policy(self, bucket: str) -> Policy | None:
        """A bucket's own policy, or None."""
        found = await self._buckets.get(bucket)
        return found if found.statements else None

    def caller(self, principal: Principal, entity: Entity) -> Caller:
        """A principal as policies name him."""
        if principal.kind == "assumed-role":
            return session_caller(principal.arn, entity.arn)
        return Caller(principal.arn, principal.account, principal.kind)

    def _read_entity(self, name: str) -> Entity:
        kind, _, bare = name.partition("/")
        try:
            return read_entity(self._backend.client("iam"), kind, bare)
        except ClientError:
            # A role or user deleted while its credentials live on has no policies left.
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
