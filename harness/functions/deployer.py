"""Deploys versions of functions: unpacks code and layers, creates a pool of environments, and retires it."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.access.service_roles import ServiceRoles
from harness.core import folders, tasks
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.functions import errors, role
from harness.functions.function import DeployedFunctions, Function, Version, new_revision
from harness.functions.host import Code, Host
from harness.functions.package import Package
from harness.functions.pool import Pool
from harness.functions.provisioning import Provisioning
from harness.functions.rules.concurrency import FunctionConcurrency
from harness.functions.rules.configuration import Configuration


class Deployer:
    """Creates and retires versions.

    preparation: seconds of the clock before provisioned environments are created. host: settings that all environments
    share; set when the service starts.
    """

    def __init__(
        self, roles: ServiceRoles, clock: Clock, functions: DeployedFunctions, *, workspace: Path, preparation: float
    ) -> None:
        self.host: Host | None = None
        self.pools: set[Pool] = set()
        self._roles = roles
        self._clock = clock
        self._functions = functions
        self._workspace = workspace
        self._preparation = preparation

    async def deploy(
        self, configuration: Configuration, uploaded: Package, concurrency: FunctionConcurrency
    ) -> Version:
        """Unpack code and layers and create the pool of environments. Raises AwsError."""
        assert self.host is not None, "start() comes first"
        code = Code(self._workspace / "code" / uuid.uuid4().hex, len(configuration.layers))
        await tasks.in_thread(_unpack, code, configuration, uploaded)
        session = role.RoleSession(self._roles, configuration.role, configuration.reference.name)
        pool = Pool(configuration, session, self.host, code)
        self.pools.add(pool)
        provisioning = Provisioning(concurrency, pool, self._clock, self._preparation)
        return Version(configuration, uploaded, pool, provisioning)

    async def redeploy(self, function: Function, changed: Configuration, uploaded: Package) -> dict[str, Any]:
        """Replace ``$LATEST`` and return its new configuration in the form of AWS's answers. Raises AwsError."""
        version = await self.deploy(changed, uploaded, function.concurrency)
        await self._check_still_there(function, version)
        old, function.latest = function.latest, version
        await self.retire(old)
        return changed.response()

    async def publish(self, function: Function, description: str | None = None) -> Version:
        """Publish ``$LATEST`` as the next version, or return the newest one if nothing has changed. Raises AwsError."""
        latest = function.latest
        newest = function.newest
        if newest is not None and latest.configuration.same_as(newest.configuration):
            return newest
        function.last_published += 1
        number = str(function.last_published)
        configuration = replace(
            latest.configuration,
            reference=replace(function.reference, qualifier=number),
            version=number,
            revision=new_revision(),
            modified=datetime.fromtimestamp(self._clock.now(), UTC),
            description=latest.configuration.description if description is None else description,
        )
        version = await self.deploy(configuration, latest.package, function.concurrency)
        await self._check_still_there(function, version)
        function.versions[number] = version
        return version

    async def delete_version(self, function: Function, qualifier: str) -> None:
        """Delete a version and its settings. Raises AwsError if an alias names it."""
        if qualifier in function.aliases:
            raise errors.invalid("Deletion of aliases is not currently supported.")
        if naming := [alias.name for alias in function.aliases.values() if qualifier in alias.versions]:
            raise errors.conflict(  # public logs
                f"Unable to delete version because the following aliases reference it: [{', '.join(naming)}]"
            )
        version = function.versions.pop(qualifier, None)
        if version is not None:
            await function.forget(qualifier)
            await self.retire(version)

    async def retire(self, *versions: Version) -> None:
        """End versions that were replaced or deleted. Each busy environment ends after its invocation."""
        for version in versions:
            await version.provisioning.release()
            await version.pool.retire()
            self.discard_finished(version.pool)

    def discard_finished(self, pool: Pool) -> None:
        """Drop a pool that is retired and whose last environment has ended."""
        if pool.finished:
            self.pools.discard(pool)

    async def _check_still_there(self, function: Function, version: Version) -> None:
        """Retire the version and raise AwsError if the function was deleted while the code was unpacked."""
        if self._functions.get(function.reference) is not function:
            await self.retire(version)
            raise errors.not_found(version.configuration.reference.unqualified_arn)


def _unpack(code: Code, configuration: Configuration, uploaded: Package) -> None:
    packages = [(uploaded, code.task)]
    packages += [(layer.package, code.layer(index)) for index, layer in enumerate(configuration.layers)]
    try:
        if sum(archive.unpacked_size for archive, _ in packages) >= errors.UNZIPPED_LIMIT:
            raise errors.invalid(errors.UNZIPPED_TOO_LARGE)
        for archive, folder in packages:
            archive.unpack(folder)
    except AwsError:
        folders.remove(code.folder)
        raise
