"""Operations on the configuration of function URLs."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.core.calls import Call
from harness.functions import errors
from harness.functions.function import Function
from harness.functions.rules.function_url import PATH_PREFIX, UrlConfig
from harness.functions.rules.names import FunctionReference
from harness.functions.state import Operations, page

PAGE_SIZE = 50  # configurations a page at most (botocore)


class UrlOperations(Operations):
    """Create, Get, Update, List and Delete of FunctionUrlConfig."""

    async def create_function_url_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self._addressed(call, request)
        if reference.qualifier in function.urls:
            raise errors.conflict(
                f"Failed to create function url config for [functionArn = {reference.arn}]. Error message:  "
                "FunctionUrlConfig exists for this Lambda function"
            )
        identity, now = uuid.uuid4().hex, self.state.now()
        config = UrlConfig(
            identity,
            f"{self.state.gateway_url}{PATH_PREFIX}{identity}/",
            reference.arn,
            request["AuthType"],
            created=now,
            modified=now,
            cors=request.get("Cors"),
            invoke_mode=request.get("InvokeMode") or "BUFFERED",
        )
        function.urls[reference.qualifier] = config
        return config.response("LastModifiedTime")

    async def get_function_url_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._url(call, request)[2].response()

    async def update_function_url_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self._addressed(call, request)
        _, _, config = self._url(call, request)
        changed = replace(
            config,
            auth_type=request.get("AuthType") or config.auth_type,
            cors=config.cors if request.get("Cors") is None else request["Cors"],
            invoke_mode=request.get("InvokeMode") or config.invoke_mode,
            modified=self.state.now(),
        )
        function.urls[reference.qualifier] = changed
        return changed.response()

    async def list_function_url_configs(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        function = self.state.functions.get(self.state.reference(call, request))
        if function is None:
            raise errors.missing(errors.NO_FUNCTION_FOR_URL)
        shown, marker = page([*function.urls.values()], request, PAGE_SIZE)
        return {"FunctionUrlConfigs": [config.response() for config in shown], **marker}

    async def delete_function_url_config(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function, _ = self._url(call, request)
        del function.urls[reference.qualifier]
        return {}

    def _addressed(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """The function or alias of a URL; the API's model admits no version. Raises AwsError."""
        reference = self.state.reference(call, request)
        function = self.state.functions.get(reference)
        if function is None or (reference.qualifier is not None and reference.qualifier not in function.aliases):
            raise errors.missing(errors.NO_FUNCTION_FOR_URL)
        return reference, function

    def _url(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function, UrlConfig]:
        reference = self.state.reference(call, request)
        function = self.state.functions.get(reference)
        if function is None or reference.qualifier not in function.urls:
            raise errors.no_resource()
        return reference, function, function.urls[reference.qualifier]
