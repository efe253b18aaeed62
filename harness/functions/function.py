"""A deployed function with its versions, its aliases and their settings."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field

from harness.core.calls import Call
from harness.functions import errors
from harness.functions.package import Package
from harness.functions.pool import Pool
from harness.functions.provisioning import ProvisionedConfig, Provisioning
from harness.functions.rules.aliases import Alias
from harness.functions.rules.concurrency import AccountConcurrency, FunctionConcurrency
from harness.functions.rules.configuration import Configuration
from harness.functions.rules.event_invoke import EventInvokeConfig
from harness.functions.rules.function_url import UrlConfig
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.rules.permissions import ResourcePolicy


@dataclass(slots=True, eq=False)
class Version:
    """``$LATEST`` or a published version. provisioning: its provisioned environments."""

    configuration: Configuration
    package: Package
    pool: Pool
    provisioning: Provisioning


@dataclass(slots=True, eq=False)
class Function:
    """A deployed function.

    What is set on a version or an alias is kept under its qualifier. ``$LATEST`` and no qualifier mean the same, except
    in ``policies`` and ``urls``.
    """

    reference: FunctionReference
    latest: Version
    concurrency: FunctionConcurrency
    tags: dict[str, str] = field(default_factory=dict)
    versions: dict[str, Version] = field(default_factory=dict)
    aliases: dict[str, Alias] = field(default_factory=dict)
    policies: dict[str | None, ResourcePolicy] = field(default_factory=dict)
    provisioned: dict[str, ProvisionedConfig] = field(default_factory=dict)
    event_invoke: dict[str, EventInvokeConfig] = field(default_factory=dict)
    urls: dict[str | None, UrlConfig] = field(default_factory=dict)
    last_published: int = 0

    def version(self, qualifier: str | None) -> Version | None:
        """The version that a qualifier names. An alias stands for its first version."""
        alias = self.aliases.get(qualifier or "")
        named = alias.version if alias else qualifier
        return self.latest if named is None or named == LATEST else self.versions.get(named)

    def choose(self, qualifier: str | None) -> Version | None:
        """The version that serves one request. An alias chooses it by its weights."""
        alias = self.aliases.get(qualifier) if qualifier else None
        return self.version(alias.choose(random.random()) if alias else qualifier)  # noqa: S311 - traffic, no secret

    @property
    def newest(self) -> Version | None:
        """The version that was published last, unless it was deleted."""
        return self.versions.get(str(self.last_published))

    async def forget(self, qualifier: str) -> None:
        """Remove the settings of a version or an alias that is deleted."""
        for settings in (self.policies, self.event_invoke, self.urls):
            settings.pop(qualifier, None)
        config = self.provisioned.pop(qualifier, None)
        if config is not None:
            await config.release()

    def all_versions(self) -> list[Version]:
        """All versions, ``$LATEST`` first, in the order of ListVersionsByFunction."""
        return [self.latest, *self.versions.values()]


def version_of(function: Function, reference: FunctionReference) -> Version:
    """The version that a reference names. Raises AwsError."""
    version = function.version(reference.qualifier)
    if version is None:
        raise errors.not_found(reference.arn)
    return version


@dataclass(slots=True)
class DeployedFunctions:
    """Every function by account, region and name, with the concurrency of each account and region."""

    by_key: dict[tuple[str, str, str], Function] = field(default_factory=dict)
    concurrency: dict[tuple[str, str], AccountConcurrency] = field(default_factory=dict)

    def get(self, reference: FunctionReference) -> Function | None:
        return self.by_key.get(reference.key)

    def all(self, call: Call) -> list[Function]:
        """The functions of the caller's account and region, sorted by name."""
        place = (call.account, call.region)
        return [function for key, function in sorted(self.by_key.items()) if key[:2] == place]

    def account(self, account: str, region: str) -> AccountConcurrency:
        return self.concurrency.setdefault((account, region), AccountConcurrency())


def new_revision() -> str:
    return str(uuid.uuid4())
