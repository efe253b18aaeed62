"""Operations on reserved and provisioned concurrency."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.functions import errors
from harness.functions.function import Function
from harness.functions.provisioning import ProvisionedConfig, Provisioning
from harness.functions.rules.concurrency import UNRESERVED_MINIMUM
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.state import Operations, page

PAGE_SIZE = 50  # configurations a page at most (botocore)


class ConcurrencyOperations(Operations):
    """Reserved and provisioned concurrency: Put, Get, List and Delete, and what auto scaling sets."""

    # ---- reserved

    async def put_function_concurrency(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference = self.state.reference(call, request)
        if self.state.functions.get(reference) is None:
            raise errors.not_found(f"{reference.unqualified_arn}:{LATEST}")
        _, function = self.state.find_unqualified(call, request)
        concurrency, executions = function.concurrency, int(request["ReservedConcurrentExecutions"])
        if concurrency.reservable - executions < UNRESERVED_MINIMUM:
            raise errors.limit(
                "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                f"below its minimum value of [{UNRESERVED_MINIMUM}]."
            )
        if executions < concurrency.requested:
            raise errors.limit(
                f" ReservedConcurrentExecutions  {executions} should not be lower than function's total provisioned "
                f"concurrency [{concurrency.requested}]."
            )
        concurrency.reserve(executions)
        return {"ReservedConcurrentExecutions": executions}

    async def get_function_concurrency(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self.state.find_unqualified(call, request)
        reserved = function.concurrency.reserved
        return {} if reserved is None else {"ReservedConcurrentExecutions": reserved}

    async def delete_function_concurrency(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function = self.state.find_unqualified(call, request)
        function.concurrency.reserve(None)
        return {}

    # ---- provisioned

    async def put_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function, qualifier = self._published(call, request, errors.UNPUBLISHED)
        return self._provision(function, qualifier, int(request["ProvisionedConcurrentExecutions"])).response()

    async def get_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function, qualifier = self._published(call, request, errors.NO_PUBLISHED)
        config = function.provisioned.get(qualifier)
        if config is None:
            raise errors.no_provisioned_concurrency()
        return config.response()

    async def list_provisioned_concurrency_configs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self.state.find_unqualified(call, request)
        shown, marker = page(sorted(function.provisioned.items()), request, PAGE_SIZE)
        listed = [
            {"FunctionArn": f"{reference.unqualified_arn}:{qualifier}", **config.response()}
            for qualifier, config in shown
        ]
        return {"ProvisionedConcurrencyConfigs": listed, **marker}

    async def delete_provisioned_concurrency_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        _, function, qualifier = self._published(call, request, errors.NO_PUBLISHED)
        config = function.provisioned.pop(qualifier, None)
        if config is not None:
            await config.release()
        return {}

    # ---- called by auto scaling

    def provisioned_concurrency(self, reference: FunctionReference) -> ProvisionedConfig | None:
        """The setting of a version or an alias. ``current.concurrency.utilization`` is the share that is busy."""
        function = self.state.functions.get(reference)
        return None if function is None else function.provisioned.get(reference.qualifier or "")

    def set_provisioned_concurrency(self, reference: FunctionReference, executions: int) -> ProvisionedConfig:
        """Change the setting of a version or an alias. Raises the AwsErrors of PutProvisionedConcurrencyConfig."""
        function = self.state.functions.get(reference)
        if function is None or reference.qualifier is None or function.version(reference.qualifier) is None:
            raise errors.not_found(reference.arn)
        return self._provision(function, reference.qualifier, executions)

    # ---- shared

    def _published(
        self, call: Call, request: Mapping[str, Any], latest: str
    ) -> tuple[FunctionReference, Function, str]:
        """The function and the named version or alias. latest: the error message for ``$LATEST``. Raises AwsError."""
        reference = self.state.reference(call, request)
        qualifier = reference.qualifier or LATEST
        if qualifier == LATEST:
            raise errors.invalid(latest)
        function = self.state.functions.get(reference)
        if function is None or function.version(qualifier) is None:
            raise errors.not_found(reference.arn) if qualifier.isdigit() else errors.no_alias(reference.arn)
        return reference, function, qualifier

    def _provision(self, function: Function, qualifier: str, executions: int) -> ProvisionedConfig:
        concurrency = function.concurrency
        config = function.provisioned.get(qualifier)
        provisioning = _target(function, qualifier, config)
        additional = executions - provisioning.concurrency.requested
        if concurrency.reserved is not None:
            if concurrency.requested + additional > concurrency.reserved:
                raise errors.invalid(errors.ABOVE_RESERVED)
        else:
            unreserved = concurrency.account.unreserved
            if additional > unreserved:
                raise errors.limit(
                    "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency "
                    f"[{unreserved}]."
                )
            if unreserved - additional < UNRESERVED_MINIMUM:
                raise errors.limit(
                    "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                    f"below its minimum value of [{UNRESERVED_MINIMUM}]."
                )
        if config is None:
            config = function.provisioned[qualifier] = ProvisionedConfig(executions, self.state.now(), provisioning)
        config.requested, config.modified = executions, self.state.now()
        provisioning.request(executions, config.previous)
        return config


def _target(function: Function, qualifier: str, config: ProvisionedConfig | None) -> Provisioning:
    """The environments that a qualifier provisions. Raises AwsError if another qualifier provisions them already."""
    alias = function.aliases.get(qualifier)
    version = function.version(qualifier)
    if version is None or version is function.latest:
        raise errors.invalid(errors.UNPUBLISHED)
    if config is None and version.provisioning.active:
        number = version.configuration.version
        if alias is None:
            raise errors.conflict(errors.ALIAS_PROVISIONED)
        if number in function.provisioned:
            raise errors.conflict(errors.VERSION_PROVISIONED)
        raise errors.conflict(errors.ALIAS_PROVISIONED)
    return version.provisioning
