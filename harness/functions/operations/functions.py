"""Creating, changing and listing functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from harness.core.calls import Call
from harness.functions import configuration as configurations
from harness.functions import errors, package, role
from harness.functions.configuration import Configuration
from harness.functions.function import Function, Version, found
from harness.functions.operations.permissions import MOST_TAGS
from harness.functions.operations.versions import VersionOperations
from harness.functions.package import Package
from harness.functions.rules import names
from harness.functions.rules.concurrency import FunctionConcurrency
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.state import check_account, check_revision, new_revision, page

PAGE_SIZE = 50  # functions a page of ListFunctions at most (botocore, ListFunctions)


class FunctionOperations(VersionOperations):
    async def create_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = names.for_creation(request["FunctionName"], account=call.account, region=call.region)
        check_account(call, reference)
        configurations.check_supported(request)
        if len(request.get("Tags") or ()) > MOST_TAGS:
            raise errors.invalid(errors.TOO_MANY_TAGS)
        key = (reference.account, reference.region, reference.name)
        if key in self._functions:
            raise errors.already_exists(reference.name)
        await role.check(self._backend, request["Role"], call.account)
        uploaded = await package.read(self._backend, request["Code"])
        configuration = replace(
            configurations.create(
                reference,
                request,
                sha256=uploaded.sha256,
                size=uploaded.size,
                revision=new_revision(),
                now=self._clock.now(),
            ),
            layers=self._layers.resolve(request.get("Layers") or (), call.region),
        )
        concurrency = FunctionConcurrency(self._account(call))
        version = await self._deploy(configuration, uploaded, concurrency)
        if key in self._functions:  # another request was faster while this one unpacked
            await self._retire(version)
            raise errors.already_exists(reference.name)
        function = Function(reference, version, concurrency, tags=dict(request.get("Tags") or {}))
        self._functions[key] = function
        if request.get("Publish"):
            published = await self._publish(function)
            return published.configuration.response(reference.arn)
        return configuration.response()

    async def get_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self._find(call, request)
        version = found(function, reference)
        response: dict[str, Any] = {
            "Configuration": version.configuration.response(reference.arn),
            "Code": {"RepositoryType": "S3", "Location": await self._store.link(reference, version.package)},
        }
        if function.tags:
            response["Tags"] = dict(function.tags)
        if function.concurrency.reserved is not None:
            response["Concurrency"] = {"ReservedConcurrentExecutions": function.concurrency.reserved}
        return response

    async def get_function_configuration(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self._find(call, request)
        return found(function, reference).configuration.response(reference.arn)

    async def update_function_code(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self._find_latest(call, request)
        configurations.check_supported({**request, "Code": request})
        before = function.latest.configuration
        check_revision(before.revision, request)
        uploaded = await package.read(self._backend, request)
        changed = replace(
            before,
            code_sha256=uploaded.sha256,
            code_size=uploaded.size,
            architectures=tuple(request.get("Architectures") or before.architectures),
            revision=new_revision(),
            modified=datetime.fromtimestamp(self._clock.now(), UTC),
        )
        if request.get("DryRun"):
            return changed.response()
        response = await self._redeploy(function, changed, uploaded)
        if request.get("Publish"):
            return (await self._publish(function)).configuration.response()
        return response

    async def update_function_configuration(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self._find_latest(call, request)
        before = function.latest.configuration
        check_revision(before.revision, request)
        if request.get("Role"):
            await role.check(self._backend, request["Role"], call.account)
        changed = configurations.update(before, request, revision=new_revision(), now=self._clock.now())
        if request.get("Layers") is not None:
            changed = replace(changed, layers=self._layers.resolve(request["Layers"], call.region))
        return await self._redeploy(function, changed, function.latest.package)

    async def delete_function(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self._reference(call, request)
        if reference.qualifier == LATEST:
            raise errors.invalid(errors.LATEST_UNDELETABLE)
        function = self._named(reference)
        if function is None:
            raise errors.not_found(reference.unqualified_arn)
        if reference.qualifier is not None:
            await self._delete_version(function, reference.qualifier)
            return {"StatusCode": 204}
        del self._functions[reference.account, reference.region, reference.name]
        for config in function.provisioned.values():
            await config.release()
        await self._retire(*function.all_versions())
        function.concurrency.reserve(None)
        return {"StatusCode": 204}

    async def list_functions(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        versions: list[tuple[FunctionReference, Version]] = []
        for function in self._all(call):
            deployed = function.all_versions() if request.get("FunctionVersion") == "ALL" else [function.latest]
            versions += [(function.reference, version) for version in deployed]
        shown, marker = page(versions, request, PAGE_SIZE)
        everything = request.get("FunctionVersion") == "ALL"
        return {
            "Functions": [
                version.configuration.response(
                    f"{reference.arn}:{version.configuration.version}" if everything else None
                )
                for reference, version in shown
            ],
            **marker,
        }

    async def get_account_settings(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        account, functions = self._account(call), self._all(call)
        packages = {id(version.package): version.package for each in functions for version in each.all_versions()}
        size = sum(each.size for each in packages.values()) + self._layers.size(call.account, call.region)
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
        """A function to be changed, which only ``$LATEST`` can be. Raises AwsError."""
        reference = self._reference(call, request)
        function = self._named(reference)
        if function is None or reference.qualifier not in (None, LATEST):
            raise errors.not_found(reference.arn)
        return reference, function

    async def _redeploy(self, function: Function, changed: Configuration, uploaded: Package) -> dict[str, Any]:
        version = await self._deploy(changed, uploaded, function.concurrency)
        if self._named(changed.reference) is not function:  # deleted while this request unpacked
            await self._retire(version)
            raise errors.not_found(changed.reference.arn)
        old, function.latest = function.latest, version
        await self._retire(old)
        return changed.response()
