"""Operations on the settings of asynchronous invocations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.core.calls import Call
from harness.functions import errors
from harness.functions.function import Function
from harness.functions.rules import names
from harness.functions.rules.event_invoke import EventInvokeConfig, changed
from harness.functions.rules.names import LATEST
from harness.functions.state import Operations, page

PAGE_SIZE = 50  # configurations a page at most (botocore)


class EventInvokeOperations(Operations):
    """Put, Update, Get, List and Delete of FunctionEventInvokeConfig."""

    async def put_function_event_invoke_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn, function, qualifier = self._invoked(call, request)
        return self._set(function, qualifier, EventInvokeConfig(arn, self.state.now()), request)

    async def update_function_event_invoke_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn, function, qualifier = self._invoked(call, request)
        if function is None:
            raise errors.missing(errors.NO_FUNCTION)
        if qualifier not in function.event_invoke:
            raise _no_config(arn)
        return self._set(function, qualifier, function.event_invoke[qualifier], request)

    async def get_function_event_invoke_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn, function, qualifier = self._invoked(call, request)
        if function is None or qualifier not in function.event_invoke:
            raise _no_config(arn)
        return function.event_invoke[qualifier].response()

    async def delete_function_event_invoke_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn, function, qualifier = self._invoked(call, request)
        if function is None or function.event_invoke.pop(qualifier, None) is None:
            raise _no_config(arn)
        return {}

    async def list_function_event_invoke_configs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        function = self.state.functions.get(self.state.reference(call, request))
        if function is None:
            raise errors.missing(errors.NO_FUNCTION)
        shown, marker = page([config for _, config in sorted(function.event_invoke.items())], request, PAGE_SIZE)
        return {"FunctionEventInvokeConfigs": [config.response() for config in shown], **marker}

    def _invoked(self, call: Call, request: Mapping[str, Any]) -> tuple[str, Function | None, str]:
        """The ARN, which always has a qualifier; the function, or None if there is none; and the qualifier."""
        reference = self.state.reference(call, request)
        qualifier = reference.qualifier or LATEST
        return replace(reference, qualifier=qualifier).arn, self.state.functions.get(reference), qualifier

    def _set(
        self, function: Function | None, qualifier: str, before: EventInvokeConfig, request: Mapping[str, Any]
    ) -> dict[str, Any]:
        if function is None or function.version(qualifier) is None:
            raise errors.missing(errors.NO_FUNCTION)
        config = changed(before, request, unqualified_arn=function.reference.arn)
        for arn in (config.on_success, config.on_failure):
            if arn is not None and ":lambda:" in arn:
                self._check_destination(arn)
        config = replace(config, modified=self.state.now())
        function.event_invoke[qualifier] = config
        return config.response()

    def _check_destination(self, arn: str) -> None:
        reference = names.from_arn(arn)
        if reference is None or self.state.functions.get(reference) is None:
            raise errors.invalid(f"The destination ARN {arn} is invalid.")


def _no_config(arn: str) -> Exception:
    return errors.missing(f"The function {arn} doesn't have an EventInvokeConfig")
