"""What every group of operations needs: the shared state, and finding what a request names."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.records import PolicyRecord, TargetKey, TargetRecord
from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.resource_ids import parse_resource
from harness.scaling.state import State

Item = TypeVar("Item")


class Describable(Protocol):
    """A part of a scalable target that a Describe operation answers with."""

    def response(self, key: TargetKey) -> dict[str, Any]: ...


class Operations:
    """Some of the service's operations, as methods on the shared state."""

    state: State

    def _registered_target(self, call: Call, request: Mapping[str, Any]) -> TargetRecord:
        key = key_of(call, request)
        if parse_resource(key.namespace, key.resource_id, key.dimension) is None:
            raise errors.invalid(errors.UNSUPPORTED)
        target = self.state.targets.get(key)
        if target is None:
            raise errors.not_registered(key.namespace, key.resource_id, key.dimension)
        return target

    def _described_targets(self, call: Call, request: Mapping[str, Any]) -> list[TargetRecord]:
        """Returns the targets that a Describe operation asks for."""
        resource_id, dimension = request.get("ResourceId"), request.get("ScalableDimension")
        if dimension and not resource_id:
            raise errors.invalid("ResourceId must be specified when ScalableDimension is specified")  # unverified
        ids = [resource_id] if resource_id else None
        return self.state.targets.select(call.account, call.region, request["ServiceNamespace"], ids, dimension)

    def _described_parts(
        self,
        call: Call,
        request: Mapping[str, Any],
        member: str,
        parts: Callable[[TargetRecord], Mapping[str, Describable]],
    ) -> list[dict[str, Any]]:
        """Returns parts of the targets that a request asks for, as they are answered.

        parts: a target's parts by name. member: the member of the request that may limit them to some names.
        """
        names = request.get(member)
        return [
            part.response(target.key)
            for target in self._described_targets(call, request)
            for name, part in parts(target).items()
            if not names or name in names
        ]

    def _target_by_arn(self, arn: str) -> TargetRecord:
        target = self.state.targets.by_arn(arn)
        if target is None:
            raise errors.no_resource(arn)
        return target

    def _delete_alarms(self, target: TargetRecord, policy: PolicyRecord) -> None:
        # The alarms of a step policy belong to the user and stay (botocore, DeleteScalingPolicy).
        if isinstance(policy.rules, TrackingPolicy):
            names = [alarm["AlarmName"] for alarm in policy.alarms(target.key)]
            self.state.alarms.delete(target.key.region, names)


def key_of(call: Call, request: Mapping[str, Any]) -> TargetKey:
    """Returns the key of the scalable target that a request names."""
    return TargetKey(
        call.account, call.region, request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"]
    )


def check_bounds(minimum: int, maximum: int) -> None:
    """Raises AwsError ValidationException for bounds that are not valid."""
    for which, bound in (("Minimum", minimum), ("Maximum", maximum)):
        if bound < 0:
            raise errors.bound_below(which, 0)
    if maximum < minimum:
        raise errors.invalid(errors.BOUNDS_CROSSED)


def page(items: Sequence[Item], request: Mapping[str, Any], largest: int) -> tuple[list[Item], str | None]:
    """Returns one page of the items and the token of the next one. Raises AwsError InvalidNextTokenException.

    largest: the largest size of a page, and the default.
    """
    start = 0
    token = request.get("NextToken")
    if token:
        try:
            start = int(base64.b64decode(token, validate=True))
        except ValueError:
            raise AwsError("InvalidNextTokenException", errors.BAD_TOKEN) from None
    size = min(int(request.get("MaxResults") or largest), largest)
    end = start + size
    next_token = base64.b64encode(str(end).encode()).decode() if end < len(items) else None
    return list(items[start:end]), next_token
