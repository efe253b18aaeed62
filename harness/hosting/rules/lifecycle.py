"""An endpoint's status, and what may happen to it in each status."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from harness.hosting import errors

Status = Literal["Creating", "InService", "Updating", "RollingBack", "Deleting", "Failed"]

SERVING: frozenset[Status] = frozenset({"InService", "Updating", "RollingBack"})
"""Statuses in which the endpoint answers requests, whatever is being prepared."""


class Event(Enum):
    """What moves an endpoint from one status to the next."""

    READY = "every instance that is wanted serves"
    FAILED = "an instance could not be brought up, or the endpoint not be deleted"
    UPDATE = "UpdateEndpoint or UpdateEndpointWeightsAndCapacities"
    ROLL_BACK = "an update could not be carried out"
    DELETE = "DeleteEndpoint"


_AFTER: dict[tuple[Status, Event], Status] = {
    ("Creating", Event.READY): "InService",
    ("Creating", Event.FAILED): "Failed",
    ("InService", Event.UPDATE): "Updating",
    ("InService", Event.DELETE): "Deleting",
    ("Updating", Event.READY): "InService",
    ("Updating", Event.ROLL_BACK): "RollingBack",
    ("RollingBack", Event.READY): "InService",
    # "Endpoint could not be created, updated, or re-scaled": that a failed deletion ends here too is unverified.
    ("Deleting", Event.FAILED): "Failed",
    ("Failed", Event.DELETE): "Deleting",
}


def after(status: Status, event: Event, arn: str) -> Status:
    """The status that follows.

    Raises AwsError ValidationException if AWS refuses the call: an endpoint that is being changed can be neither
    updated nor deleted, and a failed one can only be deleted (botocore, EndpointStatus).
    """
    following = _AFTER.get((status, event))
    if following is not None:
        return following
    if event not in (Event.UPDATE, Event.DELETE):
        raise ValueError(f"an endpoint that is {status} cannot meet {event.name}")
    sentence = errors.FAILED if status == "Failed" else errors.IN_PROGRESS
    raise errors.invalid(sentence.format(arn))
