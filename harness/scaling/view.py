"""Where every scalable target stands, as one JSON document for ``harness watch`` and locust's page.

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
from harness.scaling.cloudwatch import recorded
from harness.scaling.rules.alarms import Alarm
from harness.scaling.rules.policies import TrackingPolicy
from harness.scaling.state import PolicyRecord, TargetRecord

_ACTIVITIES = 6
_RECENT = 30  # datapoints of the metric


def snapshot(targets: Sequence[TargetRecord], metrics: Metrics, now: float) -> dict[str, Any]:
    """The document."""
    return {"now": now, "targets": [_target(record, metrics, now) for record in targets]}


def _target(record: TargetRecord, metrics: Metrics, now: float) -> dict[str, Any]:
    state, cooldowns = record.state, record.target.cooldowns
    return {
        "namespace": record.key.namespace,
        "resource": record.key.resource_id,
        "minimum": record.target.minimum,
        "maximum": record.target.maximum,
        "current": state.current if state else None,
        "desired": state.desired if state else None,
        "updatable": bool(state and state.updatable),
        "cooldown_out": _left(cooldowns.out_until, now),
        "cooldown_in": _left(cooldowns.in_until, now),
        "policies": [_policy(record, owner, metrics, now) for owner in record.policies.values()],
        "activities": [
            {
                "time": activity.start,
                "description": activity.description,
                "cause": activity.cause,
                "status": activity.status,
                "reason": activity.reason["Code"] if activity.reason else None,
            }
            for _, activity in zip(range(_ACTIVITIES), record.activities, strict=False)
        ],
    }


def _left(until: float, now: float) -> float | None:
    """Seconds left; None for a scale-in that is still under way, whose cooldown has yet to begin."""
    return None if until == math.inf else max(0.0, until - now) if until > -math.inf else 0.0


def _policy(record: TargetRecord, owner: PolicyRecord, metrics: Metrics, now: float) -> dict[str, Any]:
    policy = owner.policy
    if not isinstance(policy, TrackingPolicy):
        watched = [_alarm(one.alarm, now) for one in policy.alarms]
        return {"name": owner.name, "metric": None, "target": None, "value": None, "recent": [], "alarms": watched}
    assert owner.metric is not None
    source = owner.metric
    recent = recorded(metrics, record.key.region, source, int(now // source.period), _RECENT) or []
    known = [value for value in recent if value is not None]
    alarms = [policy.high] if policy.settings.disable_scale_in else [policy.high, policy.low]
    return {
        "name": owner.name,
        "metric": source.name or "metric math",
        "target": policy.settings.target_value,
        "value": known[-1] if known else policy.high.value,
        "recent": recent,
        "alarms": [_alarm(alarm, now) for alarm in alarms],
    }


def _alarm(alarm: Alarm, now: float) -> dict[str, Any]:
    return {
        "name": alarm.name,
        "state": alarm.state,
        "threshold": alarm.rule.threshold,
        "since": alarm.since or now,
    }
