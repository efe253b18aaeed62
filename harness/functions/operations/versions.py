"""Operations on versions and aliases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.core.calls import Call
from harness.functions import errors
from harness.functions.function import Function, new_revision
from harness.functions.rules.aliases import Alias, weights
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.state import Operations, check_revision, page

PAGE_SIZE = 50  # versions or aliases a page at most (botocore)


class VersionOperations(Operations):
    """PublishVersion and ListVersionsByFunction; the operations of aliases."""

    # ---- versions

    async def publish_version(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self.state.find_unqualified(call, request)
        configuration = function.latest.configuration
        check_revision(configuration.revision, request)
        if (expected := request.get("CodeSha256")) and expected != configuration.code_sha256:
            raise errors.invalid(
                f"CodeSHA256 ({expected}) is different from current CodeSHA256 in $LATEST "
                f"({configuration.code_sha256}). Please try again with the CodeSHA256 in $LATEST."
            )
        return (await self.state.deployer.publish(function, request.get("Description"))).configuration.response()

    async def list_versions_by_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self.state.find(call, request)
        shown, marker = page(function.all_versions(), request, PAGE_SIZE)
        listed = [
            version.configuration.response(f"{reference.unqualified_arn}:{version.configuration.version}")
            for version in shown
        ]
        return {"Versions": listed, **marker}

    # ---- aliases

    async def create_alias(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name, version = request["Name"], request["FunctionVersion"]
        if self.state.functions.get(self.state.reference(call, request)) is None:  # AWS reports the version as missing
            raise errors.not_found(f"{self.state.reference(call, request).unqualified_arn}:{version}")
        reference, function, arn = self._alias_of(call, request)
        divided = self._weights(reference, function, request.get("RoutingConfig"), version)
        if name in function.aliases:
            raise errors.conflict(f"Alias already exists: {arn}")
        alias = Alias(name, arn, version, new_revision(), request.get("Description") or "", divided)
        function.aliases[name] = alias
        return alias.response()

    async def update_alias(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function, arn = self._alias_of(call, request)
        alias = function.aliases.get(request["Name"])
        if alias is None:
            raise errors.missing(f"Alias not found: {arn}")
        check_revision(alias.revision, request)
        version = request.get("FunctionVersion") or alias.version
        divided = alias.weights
        if request.get("RoutingConfig") is not None or version in alias.weights:
            divided = self._weights(reference, function, request.get("RoutingConfig"), version)
        changed = replace(
            alias,
            version=version,
            description=alias.description if request.get("Description") is None else request["Description"],
            weights=divided,
            revision=new_revision(),
        )
        self._weights(reference, function, {}, version)
        await self._move_provisioned(function, alias, changed)
        function.aliases[alias.name] = changed
        return changed.response()

    async def get_alias(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function, arn = self._alias_of(call, request)
        alias = function.aliases.get(request["Name"])
        if alias is None:
            raise errors.no_alias(arn)
        return alias.response()

    async def list_aliases(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self.state.find_unqualified(call, request)
        wanted = request.get("FunctionVersion")
        aliases = [alias for _, alias in sorted(function.aliases.items()) if wanted in (None, *alias.versions)]
        shown, marker = page(aliases, request, PAGE_SIZE)
        return {"Aliases": [alias.response() for alias in shown], **marker}

    async def delete_alias(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function, _ = self._alias_of(call, request)
        if (
            function.aliases.pop(request["Name"], None) is not None
        ):  # AWS too accepts the deletion of an alias that is not there
            await function.forget(request["Name"])
        return {}

    def _alias_of(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function, str]:
        """The function of an alias, which may not exist yet, and the ARN of the alias. Raises AwsError."""
        reference, function = self.state.find_unqualified(call, request)
        return reference, function, f"{reference.unqualified_arn}:{request['Name']}"

    @staticmethod
    def _weights(
        reference: FunctionReference, function: Function, routing: Mapping[str, Any] | None, version: str
    ) -> dict[str, float]:
        divided = weights(routing, version)
        for number in (version, *divided):
            if number != LATEST and number not in function.versions:
                raise errors.not_found(f"{reference.unqualified_arn}:{number}")
        return divided

    @staticmethod
    async def _move_provisioned(function: Function, before: Alias, after: Alias) -> None:
        """Move the provisioned concurrency of an alias to its new version. Raises AwsError."""
        config = function.provisioned.get(before.name)
        if config is None or before.version == after.version:
            return
        if after.version == LATEST:
            raise errors.invalid(errors.UNPUBLISHED)
        target = function.versions[after.version].provisioning
        if target.active:
            raise errors.conflict(errors.VERSION_PROVISIONED)
        await config.move(target)
