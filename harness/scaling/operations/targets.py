"""Scalable targets and their tags."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.operations.base import Operations, check_bounds, key_of, page
from harness.scaling.records import TargetRecord
from harness.scaling.rules.resource_ids import parse_resource

_PAGE = 50  # the largest size of a page, and the default (botocore)


class TargetOperations(Operations):
    """The operations on scalable targets and their tags."""

    async def register_scalable_target(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key = key_of(call, request)
        resource_id = parse_resource(key.namespace, key.resource_id, key.dimension)
        if resource_id is None:
            raise errors.invalid(errors.UNSUPPORTED)
        target = self.state.targets.get(key)
        minimum, maximum = request.get("MinCapacity"), request.get("MaxCapacity")
        if target is None and (minimum is None or maximum is None):
            raise errors.invalid(errors.BOUNDS_MISSING)
        low = minimum if minimum is not None else target.rules.minimum if target else 0
        high = maximum if maximum is not None else target.rules.maximum if target else 0
        check_bounds(low, high)
        resource = self.state.resources.find(resource_id, call.account, call.region)
        await _as_validation_error(resource.check(low))
        if target is None:
            target = TargetRecord.new(key, resource_id, resource, self.state.clock.now())
            target.tags.update(request.get("Tags") or {})
            self.state.targets.add(target)
        rules = target.rules
        rules.set_bounds(low, high)
        suspended = request.get("SuspendedState") or {}
        rules.suspended_in = suspended.get("DynamicScalingInSuspended", rules.suspended_in)
        rules.suspended_out = suspended.get("DynamicScalingOutSuspended", rules.suspended_out)
        rules.suspended_schedule = suspended.get("ScheduledScalingSuspended", rules.suspended_schedule)
        await self.state.controller.settle_bounds(target)
        return {"ScalableTargetARN": target.arn}

    async def describe_scalable_targets(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        namespace, ids = request["ServiceNamespace"], request.get("ResourceIds")
        dimension = request.get("ScalableDimension")
        if dimension and not ids:
            raise errors.invalid(errors.IDS_WITHOUT_DIMENSION)
        targets = self.state.targets.select(call.account, call.region, namespace, ids or None, dimension)
        shown, token = page(targets, request, _PAGE)
        return {"ScalableTargets": [target.response() for target in shown], "NextToken": token}

    async def deregister_scalable_target(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._registered_target(call, request)
        for name in list(target.policies):
            self._delete_alarms(target, target.remove_policy(name))
        self.state.targets.remove(target.key)
        return {}

    async def tag_resource(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        self._target_by_arn(request["ResourceARN"]).tags.update(request["Tags"])
        return {}

    async def untag_resource(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        tags = self._target_by_arn(request["ResourceARN"]).tags
        for name in request["TagKeys"]:
            tags.pop(name, None)
        return {}

    async def list_tags_for_resource(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return {"Tags": dict(self._target_by_arn(request["ResourceARN"]).tags)}


async def _as_validation_error(check: Awaitable[None]) -> None:
    """Application Auto Scaling passes every refusal of the resource's own service on as a ValidationException."""
    try:
        await check
    except AwsError as error:
        raise errors.invalid(error.message) from None
