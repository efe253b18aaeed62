"""The state of every scalable target as one JSON document, for ``harness watch`` and locust's page.

``{"now": seconds, "targets": [{"namespace", "resource", "minimum", "maximum", "current", "desired", "updatable",
"cooldown_out", "cooldown_in": seconds left, "policies": [{"name", "metric", "target", "value", "recent": [...],
"alarms": [{"name", "state", "threshold", "since"}]}], "activities": [{"time", "description", "cause", "status",
"reason": NotScaledReasons' code}]}]}``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from harness.backend.metrics import Metrics
from harness.scaling.cloudwatch import recorded_datapoints
from harness.scaling.records import PolicyRecord, TargetRecord
from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.policies import TrackingPolicy

_ACTIVITIES = 6  # the most recent ones
_DATAPOINTS = 30  # the most recent ones of the metric


def snapshot(targets: Sequence[TargetRecord], metrics: Metrics, now: float) -> dict[str, Any]:
    """Returns the document."""
    return {"now": now, "targets": [_target(target, metrics, now) for target in targets]}


def _target(target: TargetRecord, metrics: Metrics, now: float) -> dict[str, Any]:
    state, cooldowns = target.state, target.rules.cooldowns
    return {
        "namespace": target.key.namespace,
        "resource": target.key.resource_id,
        "minimum": target.rules.minimum,
        "maximum": target.rules.maximum,
        "current": state.current if state else None,
        "desired": state.desired if state else None,
        "updatable": bool(state and state.updatable),
        "cooldown_out": _seconds_left(cooldowns.out_until, now),
        "cooldown_in": _seconds_left(cooldowns.in_until, now),
        "policies": [_policy(target, policy, metrics, now) for policy in target.policies.values()],
        "activities": [
            {
                "time": activity.start,
                "description": activity.description,
                "cause": activity.cause,
                "status": activity.status,
                "reason": activity.reason["Code"] if activity.reason else None,
            }
            for _, activity in zip(range(_ACTIVITIES), target.activities, strict=False)
        ],
    }


def _seconds_left(until: float, now: float) -> float | None:
    """Returns the seconds left; None while a scale-in is under way, because its cooldown begins only at its end."""
    return None if until == math.inf else max(0.0, until - now) if until > -math.inf else 0.0


def _policy(target: TargetRecord, policy: PolicyRecord, metrics: Metrics, now: float) -> dict[str, Any]:
    rules = policy.rules
    if not isinstance(rules, TrackingPolicy):
        alarms = [_alarm(step_alarm.alarm, now) for step_alarm in rules.alarms]
        return {"name": policy.name, "metric": None, "target": None, "value": None, "recent": [], "alarms": alarms}
    assert policy.metric is not None
    source = policy.metric
    recent = recorded_datapoints(metrics, target.key.region, source, int(now // source.period), _DATAPOINTS) or []
    known = [value for value in recent if value is not None]
    tracking_alarms = [rules.high] if rules.settings.disable_scale_in else [rules.high, rules.low]
    return {
        "name": policy.name,
        "metric": source.name or "metric math",
        "target": rules.settings.target_value,
        "value": known[-1] if known else rules.high.value,
        "recent": recent,
        "alarms": [_alarm(alarm, now) for alarm in tracking_alarms],
    }


def _alarm(alarm: Alarm, now: float) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "state": alarm.state,
        "threshold": alarm.rule.threshold,
        "since": alarm.since or now,
    }
