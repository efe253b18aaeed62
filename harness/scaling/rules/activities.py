"""Scaling activities: what was done, or why nothing was done, in AWS's words.

Descriptions, causes and status messages come from the AWS CLI's examples of describe-scaling-activities and
from public logs.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from harness.scaling.rules.resource_ids import CAPACITY_NOUN

StatusCode = Literal["Pending", "InProgress", "Successful", "Overridden", "Unfulfilled", "Failed"]
# AWS keeps six weeks. On a fast clock an endpoint may change every few seconds, so the number is limited instead.
_KEPT = 2000


@dataclass(slots=True)
class Activity:
    """One activity. Times are Unix seconds. reason: the entry of NotScaledReasons if nothing was scaled."""

    description: str
    cause: str
    start: float
    status: StatusCode = "Pending"
    message: str = ""
    end: float | None = None
    capacity: int | None = None
    reason: dict[str, Any] | None = None
    identity: str = field(default_factory=lambda: str(uuid.uuid4()))

    def response(self, namespace: str, resource_id: str, dimension: str) -> dict[str, Any]:
        """Returns the members that DescribeScalingActivities answers."""
        members: dict[str, Any] = {
            "ActivityId": self.identity,
            "ServiceNamespace": namespace,
            "ResourceId": resource_id,
            "ScalableDimension": dimension,
            "Description": self.description,
            "Cause": self.cause,
            "StartTime": datetime.fromtimestamp(self.start, UTC),
            "StatusCode": self.status,
        }
        if self.message:
            members["StatusMessage"] = self.message
        if self.end is not None:
            members["EndTime"] = datetime.fromtimestamp(self.end, UTC)
        if self.reason is not None:
            members["NotScaledReasons"] = [self.reason]
        return members


class Activities:
    """The activities of one scalable target."""

    def __init__(self, namespace: str, dimension: str) -> None:
        self._service = namespace
        self._noun = CAPACITY_NOUN[dimension]
        self._all: deque[Activity] = deque(maxlen=_KEPT)
        self.current: Activity | None = None

    def __iter__(self) -> Iterator[Activity]:
        """Iterates from the newest to the oldest."""
        return reversed(self._all)

    def begin(self, now: float, capacity: int, cause: str) -> Activity:
        """Begins a change of capacity. It overrides one that is still under way."""
        if self.current is not None:
            self._end(now, "Overridden", f"Change was overridden by setting {self._noun} to {capacity}.")  # unverified
        activity = Activity(f"Setting {self._noun} to {capacity}.", cause, now, capacity=capacity)
        self._all.append(activity)
        self.current = activity
        return activity

    def accepted(self) -> None:
        """The resource's service has accepted the change."""
        assert self.current is not None
        self.current.status = "InProgress"
        success = f"Successfully set {self._noun} to {self.current.capacity}."
        self.current.message = f"{success} Waiting for change to be fulfilled by {self._service}."

    def refused(self, now: float, why: str) -> None:
        """The resource's service has refused the change."""
        assert self.current is not None
        self._end(now, "Failed", f"Failed to set {self._noun} to {self.current.capacity}. Reason: {why}")

    def fulfilled(self, now: float) -> None:
        assert self.current is not None
        success = f"Successfully set {self._noun} to {self.current.capacity}."
        self._end(now, "Successful", f"{success} Change successfully fulfilled by {self._service}.")

    def unfulfilled(self, now: float) -> None:
        """The resource's service has given up the change."""
        self._end(now, "Unfulfilled", f"The change was not fulfilled by {self._service}.")  # unverified

    def not_scaled(self, now: float, cause: str, reason: dict[str, Any]) -> None:
        """A policy asked for a change and nothing was changed. Repetitions count as one activity (our choice)."""
        last = self._all[-1] if self._all else None
        if last is not None and (last.cause, last.reason) == (cause, reason):
            return
        self._all.append(Activity("Attempting to scale due to alarm triggered", cause, now, "Failed", reason=reason))

    def bounds_set(self, now: float, minimum: int | None, maximum: int | None, action: str) -> None:
        """A scheduled action has set one bound or both bounds."""
        parts = [f"min capacity to {minimum}"] if minimum is not None else []
        parts += [f"max capacity to {maximum}"] if maximum is not None else []
        bounds = " and ".join(parts)
        cause = f"scheduled action name {action} was triggered"
        activity = Activity(f"Setting {bounds}", cause, now, "Successful", f"Successfully set {bounds}")
        self._all.append(activity)

    def _end(self, now: float, status: StatusCode, message: str) -> None:
        assert self.current is not None
        self.current.status, self.current.message, self.current.end = status, message, now
        self.current = None
