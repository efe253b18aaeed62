"""Scheduled actions, and the history of all activities."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.scaling import errors
from harness.scaling.operations.base import Operations, check_bounds, key_of, page
from harness.scaling.records import ActionRecord, TargetKey
from harness.scaling.rules.schedule_expressions import parse_schedule

_PAGE = 50  # the largest size of a page, and the default (botocore)


class ActivityOperations(Operations):
    """The operations on scheduled actions, and DescribeScalingActivities."""

    async def put_scheduled_action(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._registered_target(call, request)
        name, now = request["ScheduledActionName"], self.state.clock.now()
        old = target.actions.get(name)
        new_members = {member: value for member, value in request.items() if value}
        merged = {**(_members_that_stay(old.request) if old else {}), **new_members}
        if "Schedule" not in merged:
            raise errors.invalid(errors.SCHEDULE_MISSING)
        bounds = request.get("ScalableTargetAction", merged.get("ScalableTargetAction"))
        if bounds is None:
            raise errors.invalid(errors.ACTION_MISSING)
        minimum, maximum = bounds.get("MinCapacity"), bounds.get("MaxCapacity")
        if minimum is None and maximum is None:
            raise errors.invalid(errors.ACTION_EMPTY)
        check_bounds(minimum or 0, maximum if maximum is not None else minimum or 0)
        if old is None and len(target.actions) >= errors.ACTIONS_PER_TARGET:
            raise errors.limit(f"A scalable target can have at most {errors.ACTIONS_PER_TARGET} scheduled actions")
        if merged.get("StartTime") and merged.get("EndTime") and merged["StartTime"] >= merged["EndTime"]:
            raise errors.invalid(errors.START_AFTER_END)
        try:
            schedule = parse_schedule(merged["Schedule"], merged.get("Timezone"), now)
        except ValueError as error:
            raise errors.invalid(str(error)) from None
        arn = old.arn if old else _action_arn(target.key, name)
        action = ActionRecord(name, arn, old.created if old else now, merged, schedule, None)
        action.advance(now)
        if action.due is None:
            raise errors.invalid(errors.SCHEDULE_PAST)
        target.actions[name] = action
        return {}

    async def describe_scheduled_actions(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        actions = self._described_parts(call, request, "ScheduledActionNames", lambda target: target.actions)
        shown, token = page(actions, request, _PAGE)
        return {"ScheduledActions": shown, "NextToken": token}

    async def delete_scheduled_action(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key, name = key_of(call, request), request["ScheduledActionName"]
        target = self.state.targets.get(key)
        if target is None or name not in target.actions:
            raise errors.no_action(key.namespace, key.resource_id, key.dimension, name)
        del target.actions[name]
        return {}

    async def describe_scaling_activities(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        with_not_scaled = request.get("IncludeNotScaledActivities")
        activities = [
            activity.response(target.key.namespace, target.key.resource_id, target.key.dimension)
            for target in self._described_targets(call, request)
            for activity in target.activities
            if with_not_scaled or activity.reason is None
        ]
        activities.sort(key=lambda activity: activity["StartTime"], reverse=True)
        shown, token = page(activities, request, _PAGE)
        return {"ScalingActivities": shown, "NextToken": token}


def _members_that_stay(request: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what an update keeps of the old request: all but the start and end (botocore, PutScheduledAction)."""
    return {member: value for member, value in request.items() if member not in ("StartTime", "EndTime")}


def _action_arn(key: TargetKey, name: str) -> str:
    prefix = f"arn:aws:autoscaling:{key.region}:{key.account}:scheduledAction:{uuid.uuid4()}"
    return f"{prefix}:resource/{key.namespace}/{key.resource_id}:scheduledActionName/{name}"
