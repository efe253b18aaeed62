"""What every group of operations needs: the records, and how requests name them."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from harness.core.calls import Call
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.cloudwatch import Alarms
from harness.scaling.controller import Controller
from harness.scaling.resources import Resources
from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.rules.resource_ids import parse_resource
from harness.scaling.state import Key, PolicyRecord, Records, TargetRecord

Request = Mapping[str, Any]
Item = TypeVar("Item")


class Described(Protocol):
    """Part of a scalable target."""

    def response(self, key: Key) -> dict[str, Any]: ...


class Operations:
    """State of the service. Made by Scaling, which documents the arguments."""

    def __init__(
        self, clock: Clock, records: Records, resources: Resources, alarms: Alarms, controller: Controller
    ) -> None:
        self._clock = clock
        self._records = records
        self._resources = resources
        self._alarms = alarms
        self._controller = controller

    def _registered(self, call: Call, request: Request) -> TargetRecord:
        key = key_of(call, request)
        if parse_resource(key.namespace, key.resource_id, key.dimension) is None:
            raise errors.invalid(errors.UNSUPPORTED)
        record = self._records.get(key)
        if record is None:
            raise errors.not_registered(key.namespace, key.resource_id, key.dimension)
        return record

    def _selected(self, call: Call, request: Request) -> list[TargetRecord]:
        """Those that a Describe operation asks for."""
        one = request.get("ResourceId")
        if dimension_of(request) and not one:
            raise errors.invalid("ResourceId must be specified when ScalableDimension is specified")  # unverified
        ids = [one] if one else None
        return self._records.of(call.account, call.region, request["ServiceNamespace"], ids, dimension_of(request))

    def _described(
        self, call: Call, request: Request, names: str, parts: Callable[[TargetRecord], Mapping[str, Described]]
    ) -> list[dict[str, Any]]:
        """Parts of the selected targets as they are answered. names: the member that may name some of them."""
        wanted = request.get(names)
        return [
            part.response(record.key)
            for record in self._selected(call, request)
            for name, part in parts(record).items()
            if not wanted or name in wanted
        ]

    def _by_arn(self, arn: str) -> TargetRecord:
        record = self._records.by_arn(arn)
        if record is None:
            raise errors.no_resource(arn)
        return record

    def _drop_alarms(self, record: TargetRecord, owner: PolicyRecord) -> None:
        # A step policy's alarms are its user's: they stay (botocore, DeleteScalingPolicy).
        if isinstance(owner.policy, TrackingPolicy):
            names = [alarm["AlarmName"] for alarm in owner.alarms(record.key)]
            self._alarms.delete(record.key.region, names)


def key_of(call: Call, request: Request) -> Key:
    """The scalable target that a request names."""
    return Key(
        call.account, call.region, request["ServiceNamespace"], request["ResourceId"], request["ScalableDimension"]
    )


def dimension_of(request: Request) -> str | None:
    """The dimension that a Describe operation may name."""
    return request.get("ScalableDimension")


def check_bounds(minimum: int, maximum: int) -> None:
    """Raises AwsError ValidationException for bounds that are none."""
    for which, bound in (("Minimum", minimum), ("Maximum", maximum)):
        if bound < 0:
            raise errors.bound_below(which, 0)
    if maximum < minimum:
        raise errors.invalid(errors.BOUNDS_CROSSED)


def page(found: Sequence[Item], request: Request, largest: int) -> tuple[list[Item], str | None]:
    """One page and the token of the next. Raises AwsError InvalidNextTokenException."""
    start = 0
    token = request.get("NextToken")
    if token:
        try:
            start = int(base64.b64decode(token, validate=True))
        except ValueError:
            raise AwsError("InvalidNextTokenException", errors.BAD_TOKEN) from None
    size = min(int(request.get("MaxResults") or largest), largest)
    end = start + size
    more = base64.b64encode(str(end).encode()).decode() if end < len(found) else None
    return list(found[start:end]), more
