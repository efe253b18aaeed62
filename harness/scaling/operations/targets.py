"""Scalable targets and their tags."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.operations.base import Operations, Request, check_bounds, dimension_of, key_of, page
from harness.scaling.rules.resource_ids import parse_resource
from harness.scaling.state import TargetRecord

_PAGE = 50  # the largest, and the default (botocore)


class TargetOperations(Operations):
    """RegisterScalableTarget and its kin."""

    async def register_scalable_target(self, call: Call, request: Request) -> dict[str, Any]:
        key = key_of(call, request)
        resource_id = parse_resource(key.namespace, key.resource_id, key.dimension)
        if resource_id is None:
            raise errors.invalid(errors.UNSUPPORTED)
        record = self._records.get(key)
        minimum, maximum = request.get("MinCapacity"), request.get("MaxCapacity")
        if record is None and (minimum is None or maximum is None):
            raise errors.invalid(errors.BOUNDS_MISSING)
        low = minimum if minimum is not None else record.target.minimum if record else 0
        high = maximum if maximum is not None else record.target.maximum if record else 0
        check_bounds(low, high)
        resource = self._resources.find(resource_id, call.account, call.region)
        await _checked(resource.check(low))
        if record is None:
            record = TargetRecord.new(key, resource_id, resource, self._clock.now())
            record.tags.update(request.get("Tags") or {})
            self._records.add(record)
        target = record.target
        target.set_bounds(low, high)
        suspended = request.get("SuspendedState") or {}
        target.suspended_in = suspended.get("DynamicScalingInSuspended", target.suspended_in)
        target.suspended_out = suspended.get("DynamicScalingOutSuspended", target.suspended_out)
        target.suspended_schedule = suspended.get("ScheduledScalingSuspended", target.suspended_schedule)
        await self._controller.settle_bounds(record)
        return {"ScalableTargetARN": record.arn}

    async def describe_scalable_targets(self, call: Call, request: Request) -> dict[str, Any]:
        namespace, ids, dimension = request["ServiceNamespace"], request.get("ResourceIds"), dimension_of(request)
        if dimension and not ids:
            raise errors.invalid(errors.IDS_WITHOUT_DIMENSION)
        found = self._records.of(call.account, call.region, namespace, ids or None, dimension)
        shown, token = page(found, request, _PAGE)
        return {"ScalableTargets": [one.response() for one in shown], "NextToken": token}

    async def deregister_scalable_target(self, call: Call, request: Request) -> dict[str, Any]:
        record = self._registered(call, request)
        for name in list(record.policies):
            self._drop_alarms(record, record.remove_policy(name))
        self._records.remove(record.key)
        return {}

    async def tag_resource(self, call: Call, request: Request) -> dict[str, Any]:
        self._by_arn(request["ResourceARN"]).tags.update(request["Tags"])
        return {}

    async def untag_resource(self, call: Call, request: Request) -> dict[str, Any]:
        tags = self._by_arn(request["ResourceARN"]).tags
        for name in request["TagKeys"]:
            tags.pop(name, None)
        return {}

    async def list_tags_for_resource(self, call: Call, request: Request) -> dict[str, Any]:
        return {"Tags": dict(self._by_arn(request["ResourceARN"]).tags)}


async def _checked(check: Awaitable[None]) -> None:
    """A resource's own refusal, as Application Auto Scaling passes it on: always a ValidationException."""
    try:
        await check
    except AwsError as error:
        raise errors.invalid(error.message) from None
