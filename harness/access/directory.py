"""The backend's IAM and STS as a directory: whose key is this, and which policies does he have."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.access.policy import Policy, parse_policy
from harness.backend import ADMINISTRATOR_KEY, Backend, connect
from harness.calls import Principal
from harness.clock import Clock

# IAM is eventually consistent on AWS; here a write seen by the gateway empties the cache, and this bounds
# what it missed.
_POLICIES_LIFETIME_SECONDS = 5.0
# Of every local emulator, and of localstack-client's sessions.
_ADMINISTRATOR_KEYS = frozenset((ADMINISTRATOR_KEY, "accesskey"))


class Directory:
    """Principals and their policies, read through boto3 and cached.

    account: the backend's account id, learned at start.
    """

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self.account = ""
        self._principals: dict[str, Principal] = {}
        self._policies: dict[str, tuple[float, tuple[Policy, ...]]] = {}

    async def start(self) -> None:
        """Learns the account's id from the backend."""
        identity = await self._backend.call("sts", "get_caller_identity")
        self.account = identity["Account"]

    @property
    def root(self) -> Principal:
        """The account's administrator."""
        return Principal(f"arn:aws:iam::{self.account}:root", self.account, "root")

    async def principal(self, access_key: str) -> Principal | None:
        """Who an access key belongs to, or None for a key that neither IAM nor STS issued.

        The keys that local emulators' clients bring along are the administrator's.
        """
        if access_key in _ADMINISTRATOR_KEYS:
            return self.root
        known = self._principals.get(access_key)
        if known is None:
            known = await asyncio.to_thread(self._look_up, access_key)
            if known is not None:
                self._principals[access_key] = known
        return known

    def _look_up(self, access_key: str) -> Principal | None:
        # Backends do not verify signatures, so a key's owner can be asked for without its secret.
        sts = connect("sts", self._backend.url, self._backend.region, access_key, "unknown")
        try:
            arn = sts.get_caller_identity()["Arn"]
        except (ClientError, BotoCoreError):
            return None
        if ":assumed-role/" in arn:
            return Principal(arn, self.account, "assumed-role")
        # moto names the owner of a key it never issued "user/moto", LocalStack the root user.
        if ":user/" in arn and not arn.endswith(":user/moto"):
            return Principal(arn, self.account, "user")
        return None

    def forget_policies(self) -> None:
        """Called when IAM was written to."""
        self._policies.clear()

    async def policies(self, principal: Principal) -> tuple[Policy, ...]:
        """The identity-based policies of a user (and his groups) or a role, inline and attached."""
        now = self._clock.now()
        cached = self._policies.get(principal.arn)
        if cached and now - cached[0] < _POLICIES_LIFETIME_SECONDS:
            return cached[1]
        found = await asyncio.to_thread(self._read_policies, principal)
        self._policies[principal.arn] = (now, found)
        return found

    def _read_policies(self, principal: Principal) -> tuple[Policy, ...]:
        iam = self._backend.client("iam")
        try:
            if principal.kind == "assumed-role":
                return tuple(self._of_entity(iam, "role", RoleName=principal.name))
            policies = self._of_entity(iam, "user", UserName=principal.name)
            for group in iam.list_groups_for_user(UserName=principal.name)["Groups"]:
                policies += self._of_entity(iam, "group", GroupName=group["GroupName"])
            return tuple(policies)
        except ClientError:
            # A role or user deleted while its credentials live on has no policies left.
            return ()

    def _of_entity(self, iam: Any, kind: str, **name: str) -> list[Policy]:
        def every(method: str, key: str) -> list[Any]:
            pages = iam.get_paginator(method).paginate(**name)
            return [item for page in pages for item in page[key]]

        call: Callable[..., dict[str, Any]] = getattr(iam, f"get_{kind}_policy")
        inline = [
            parse_policy(policy, _text(call(PolicyName=policy, **name)["PolicyDocument"]))
            for policy in every(f"list_{kind}_policies", "PolicyNames")
        ]
        attached = []
        for entry in every(f"list_attached_{kind}_policies", "AttachedPolicies"):
            version = iam.get_policy(PolicyArn=entry["PolicyArn"])["Policy"]["DefaultVersionId"]
            document = iam.get_policy_version(PolicyArn=entry["PolicyArn"], VersionId=version)["PolicyVersion"]
            attached.append(parse_policy(entry["PolicyArn"], _text(document["Document"])))
        return inline + attached


def _text(document: Any) -> str:
    """A policy document as JSON text: botocore parses it, some backends send it URL-encoded once more."""
    return urllib.parse.unquote(document) if isinstance(document, str) else json.dumps(document)
