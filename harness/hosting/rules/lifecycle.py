"""An endpoint's status and what may happen to it. Pure."""

from __future__ import annotations

from enum import Enum
from typing import Literal

from harness.core.errors import AwsError

Status = Literal["Creating", "InService", "Updating", "RollingBack", "Deleting", "Failed"]

# Requests are answered by the variants that serve, whatever is being prepared beside them.
SERVING: frozenset[Status] = frozenset({"InService", "Updating", "RollingBack"})
IN_PROGRESS: frozenset[Status] = frozenset({"Creating", "Updating", "RollingBack", "Deleting"})
# A failed endpoint can only be deleted (botocore, EndpointStatus); the sentence is ours [unverified].
_FAILED = 'Cannot update failed endpoint "{}". Delete it and create it again.'


class Event(Enum):
    """What moves an endpoint from one status to the next."""

    READY = "every instance that is wanted serves"
    FAILED = "an instance could not be brought up"
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
    ("Failed", Event.DELETE): "Deleting",
}


def after(status: Status, event: Event, arn: str) -> Status:
    """The status that follows.

    Raises AwsError ValidationException where AWS refuses the call: an endpoint in the middle of something can be
    neither updated nor deleted, in the same words (public logs of both).
    """
    following = _AFTER.get((status, event))
    if following is not None:
        return following
    if event not in (Event.UPDATE, Event.DELETE):
        raise ValueError(f"an endpoint that is {status} cannot meet {event.name}")
    if status == "Failed":
        raise AwsError("ValidationException", _FAILED.format(arn))
    raise AwsError("ValidationException", f'Cannot update in-progress endpoint "{arn}".')
