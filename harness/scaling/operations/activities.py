"""Scheduled actions, and the history of all activities."""

from __future__ import annotations

import uuid
from typing import Any

from harness.core.calls import Call
from harness.scaling import errors
from harness.scaling.operations.base import Operations, Request, check_bounds, key_of, page
from harness.scaling.rules.schedule import parse_schedule
from harness.scaling.state import ActionRecord, Key

_PAGE = 50  # the largest, and the default (botocore)


class ActivityOperations(Operations):
    """PutScheduledAction and its kin; DescribeScalingActivities."""

    async def put_scheduled_action(self, call: Call, request: Request) -> dict[str, Any]:
        record = self._registered(call, request)
        name, now = request["ScheduledActionName"], self._clock.now()
        old = record.actions.get(name)
        kept = {**(_kept(old.request) if old else {}), **{name: value for name, value in request.items() if value}}
        if "Schedule" not in kept:
            raise errors.invalid(errors.SCHEDULE_MISSING)
        bounds = request.get("ScalableTargetAction", kept.get("ScalableTargetAction"))
        if bounds is None:
            raise errors.invalid(errors.ACTION_MISSING)
        minimum, maximum = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
        if minimum is None and maximum is None:
            raise errors.invalid(errors.ACTION_EMPTY)
        check_bounds(minimum or 0, maximum if maximum is not None else minimum or 0)
        if old is None and len(record.actions) >= errors.ACTIONS_PER_TARGET:
            raise errors.limit(f"A scalable target can have at most {errors.ACTIONS_PER_TARGET} scheduled actions")
        if kept.get("StartTime") and kept.get("EndTime") and kept["StartTime"] >= kept["EndTime"]:
            raise errors.invalid(errors.START_AFTER_END)
        try:
            schedule = parse_schedule(kept["Schedule"], kept.get("Timezone"), now)
        except ValueError as error:
            raise errors.invalid(str(error)) from None
        arn = old.arn if old else _action_arn(record.key, name)
        action = ActionRecord(name, arn, old.created if old else now, kept, schedule, None)
        action.advance(now)
        if action.due is None:
            raise errors.invalid(errors.SCHEDULE_PAST)
        record.actions[name] = action
        return {}

    async def describe_scheduled_actions(self, call: Call, request: Request) -> dict[str, Any]:
        found = self._described(call, request, "ScheduledActionNames", lambda record: record.actions)
        shown, token = page(found, request, _PAGE)
        return {"ScheduledActions": shown, "NextToken": token}

    async def delete_scheduled_action(self, call: Call, request: Request) -> dict[str, Any]:
        key, name = key_of(call, request), request["ScheduledActionName"]
        record = self._records.get(key)
        if record is None or name not in record.actions:
            raise errors.no_action(key.namespace, key.resource_id, key.dimension, name)
        del record.actions[name]
        return {}

    async def describe_scaling_activities(self, call: Call, request: Request) -> dict[str, Any]:
        with_not_scaled = request.get("IncludeNotScaledActivities")
        found = [
            activity.response(record.key.namespace, record.key.resource_id, record.key.dimension)
            for record in self._selected(call, request)
            for activity in record.activities
            if with_not_scaled or activity.reason is None
        ]
        found.sort(key=lambda one: one["StartTime"], reverse=True)
        shown, token = page(found, request, _PAGE)
        return {"ScalingActivities": shown, "NextToken": token}


def _kept(request: Request) -> dict[str, Any]:
    """What an update leaves as it was: all but the old start and end times (botocore, PutScheduledAction)."""
    return {member: value for member, value in request.items() if member not in ("StartTime", "EndTime")}


def _action_arn(key: Key, name: str) -> str:
    where = f"arn:aws:autoscaling:{key.region}:{key.account}:scheduledAction:{uuid.uuid4()}"
    return f"{where}:resource/{key.namespace}/{key.resource_id}:scheduledActionName/{name}"
