"""Operations on functions: create, read, change, delete, list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.core.calls import Call
from harness.functions import errors, package, role
from harness.functions.function import Function, Version, new_revision, version_of
from harness.functions.operations.permissions import MOST_TAGS
from harness.functions.rules import configuration as configurations
from harness.functions.rules import names
from harness.functions.rules.concurrency import FunctionConcurrency
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.state import Operations, check_account, check_revision, page

PAGE_SIZE = 50  # functions a page of ListFunctions at most (botocore, ListFunctions)


class FunctionOperations(Operations):
    """CreateFunction, GetFunction, GetFunctionConfiguration, UpdateFunctionCode, UpdateFunctionConfiguration,
    DeleteFunction, ListFunctions, GetAccountSettings."""

    async def create_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = names.for_creation(request["FunctionName"], account=call.account, region=call.region)
        check_account(call, reference)
        configurations.check_supported(request)
        if len(request.get("Tags") or ()) > MOST_TAGS:
            raise errors.invalid(errors.TOO_MANY_TAGS)
        key = reference.key
        if key in self.state.functions.by_key:
            raise errors.already_exists(reference.name)
        role.check(self.state.roles, request["Role"], call.account)
        uploaded = await package.read(self.state.backend, request["Code"])
        configuration = replace(
            configurations.create(
                reference,
                request,
                sha256=uploaded.sha256,
                size=uploaded.size,
                revision=new_revision(),
                now=self.state.clock.now(),
            ),
            layers=self.state.layers.resolve(request.get("Layers") or (), call.region),
        )
        concurrency = FunctionConcurrency(self.state.functions.account(call.account, call.region))
        version = await self.state.deployer.deploy(configuration, uploaded, concurrency)
        if key in self.state.functions.by_key:  # another request created it while this one unpacked
            await self.state.deployer.retire(version)
            raise errors.already_exists(reference.name)
        function = Function(reference, version, concurrency, tags=dict(request.get("Tags") or {}))
        self.state.functions.by_key[key] = function
        if request.get("Publish"):
            published = await self.state.deployer.publish(function)
            return published.configuration.response(reference.arn)
        return configuration.response()

    async def get_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self.state.find(call, request)
        version = version_of(function, reference)
        response: dict[str, Any] = {
            "Configuration": version.configuration.response(reference.arn),
            "Code": {"RepositoryType": "S3", "Location": await self.state.store.link(reference, version.package)},
        }
        if function.tags:
            response["Tags"] = dict(function.tags)
        if function.concurrency.reserved is not None:
            response["Concurrency"] = {"ReservedConcurrentExecutions": function.concurrency.reserved}
        return response

    async def get_function_configuration(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self.state.find(call, request)
        return version_of(function, reference).configuration.response(reference.arn)

    async def update_function_code(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self._find_latest(call, request)
        configurations.check_supported({**request, "Code": request})
        before = function.latest.configuration
        check_revision(before.revision, request)
        uploaded = await package.read(self.state.backend, request)
        changed = replace(
            before,
            code_sha256=uploaded.sha256,
            code_size=uploaded.size,
            architectures=tuple(request.get("Architectures") or before.architectures),
            revision=new_revision(),
            modified=datetime.fromtimestamp(self.state.clock.now(), UTC),
        )
        if request.get("DryRun"):
            return changed.response()
        response = await self.state.deployer.redeploy(function, changed, uploaded)
        if request.get("Publish"):
            return (await self.state.deployer.publish(function)).configuration.response()
        return response

    async def update_function_configuration(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self._find_latest(call, request)
        before = function.latest.configuration
        check_revision(before.revision, request)
        if request.get("Role"):
            role.check(self.state.roles, request["Role"], call.account)
        changed = configurations.update(before, request, revision=new_revision(), now=self.state.clock.now())
        if request.get("Layers") is not None:
            changed = replace(changed, layers=self.state.layers.resolve(request["Layers"], call.region))
        return await self.state.deployer.redeploy(function, changed, function.latest.package)

    async def delete_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.state.reference(call, request)
        if reference.qualifier == LATEST:
            raise errors.invalid(errors.LATEST_UNDELETABLE)
        function = self.state.functions.get(reference)
        if function is None:
            raise errors.not_found(reference.unqualified_arn)
        if reference.qualifier is not None:
            await self.state.deployer.delete_version(function, reference.qualifier)
            return {"StatusCode": 204}
        del self.state.functions.by_key[reference.key]
        for config in function.provisioned.values():
            await config.release()
        await self.state.deployer.retire(*function.all_versions())
        function.concurrency.reserve(None)
        return {"StatusCode": 204}

    async def list_functions(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        versions: list[tuple[FunctionReference, Version]] = []
        for function in self.state.functions.all(call):
            deployed = function.all_versions() if request.get("FunctionVersion") == "ALL" else [function.latest]
            versions += [(function.reference, version) for version in deployed]
        listed, marker = page(versions, request, PAGE_SIZE)
        all_versions = request.get("FunctionVersion") == "ALL"
        return {
            "Functions": [
                version.configuration.response(
                    f"{reference.arn}:{version.configuration.version}" if all_versions else None
                )
                for reference, version in listed
            ],
            **marker,
        }

    async def get_account_settings(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        account, functions = self.state.functions.account(call.account, call.region), self.state.functions.all(call)
        packages = {
            id(version.package): version.package for function in functions for version in function.all_versions()
        }
        size = sum(package.size for package in packages.values()) + self.state.layers.size(call.account, call.region)
        return {
            "AccountLimit": {
                "TotalCodeSize": errors.TOTAL_CODE_LIMIT,
                "CodeSizeUnzipped": errors.UNZIPPED_LIMIT,
                "CodeSizeZipped": errors.ZIPPED_LIMIT,
                "ConcurrentExecutions": account.limit,
                "UnreservedConcurrentExecutions": account.unreserved,
            },
            "AccountUsage": {"TotalCodeSize": size, "FunctionCount": len(functions)},
        }

    def _find_latest(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """The function to change; only ``$LATEST`` can be changed. Raises AwsError."""
        reference = self.state.reference(call, request)
        function = self.state.functions.get(reference)
        if function is None or reference.qualifier not in (None, LATEST):
            raise errors.not_found(reference.arn)
        return reference, function
