"""AddTags, ListTags and DeleteTags: of hosting's own resources here, of all others at the backend."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.resources import Registry
from harness.hosting.state import Operations

_OWN = re.compile(r"^arn:aws:sagemaker:[^:]*:[^:]*:(?P<kind>model|endpoint-config|endpoint)/(?P<name>[^/]+)$")


class TagOperations(Operations):
    """The operations on tags."""

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
        """Whether hosting owns the resource. Raises AwsError ValidationException for one that is not there."""
        found = _OWN.match(arn)
        if not found:
            return False
        registries: dict[str, Registry[Any]] = {
            "model": self.state.models,
            "endpoint-config": self.state.configs,
            "endpoint": self.state.endpoints,
        }
        registries[found["kind"]].get(call, found["name"])
        return True

    async def _ask_backend(self, call: Call, method: str, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            answer = await self.state.backend.call("sagemaker", method, region=call.region, **request)
        except ClientError as error:
            details, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise AwsError(details.get("Code", ""), details.get("Message", ""), status) from None
        answer.pop("ResponseMetadata", None)
        return answer
