"""AddTags, ListTags and DeleteTags: hosting answers for its own resources, and the backend for all others."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.state import NamedResources, Operations

_OWN_ARN = re.compile(r"^arn:aws:sagemaker:[^:]*:[^:]*:(?P<kind>model|endpoint-config|endpoint)/(?P<name>[^/]+)$")


class TagOperations(Operations):
    """AddTags, ListTags, DeleteTags."""

    async def add_tags(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn = request["ResourceArn"]
        if not self._is_own(call, arn):
            return await self._ask_backend(call, "add_tags", request)
        self.state.tags.add(arn, request["Tags"])
        return {"Tags": self.state.tags.of(arn)}

    async def list_tags(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn = request["ResourceArn"]
        if not self._is_own(call, arn):
            return await self._ask_backend(call, "list_tags", request)
        return {"Tags": self.state.tags.of(arn)}

    async def delete_tags(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        arn = request["ResourceArn"]
        if not self._is_own(call, arn):
            return await self._ask_backend(call, "delete_tags", request)
        self.state.tags.remove(arn, request["TagKeys"])
        return {}

    def _is_own(self, call: Call, arn: str) -> bool:
        """Whether hosting owns the resource. Raises AwsError ValidationException for one of its own that is unknown."""
        match = _OWN_ARN.match(arn)
        if not match:
            return False
        resources: dict[str, NamedResources[Any]] = {
            "model": self.state.models,
            "endpoint-config": self.state.configs,
            "endpoint": self.state.endpoints,
        }
        resources[match["kind"]].get(call, match["name"])
        return True

    async def _ask_backend(self, call: Call, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self.state.backend.call("sagemaker", method, region=call.region, **request)
        except ClientError as error:
            details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise AwsError(details.get("Code", ""), details.get("Message", ""), status) from None
        answer.pop("ResponseMetadata", None)
        return answer
