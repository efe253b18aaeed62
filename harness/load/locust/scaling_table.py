"""Auto scaling as a table with one row for each scalable target and function. Imports nothing of locust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.local_aws.watch import sparkline

COLUMNS = {
    "name": "Target",
    "capacity": "Running / desired (bounds)",
    "metric": "Metric / target",
    "recent": "Last datapoints",
    "alarms": "Alarms",
    "cooldowns": "Cooldowns left",
    "activity": "Last activity",
}


def table_rows(document: Mapping[str, Any]) -> list[dict[str, str]]:
    """The rows for what the harness says of its auto scaling (harness.scaling.view)."""
    rows = [_target_row(target) for target in document["targets"]]
    for function in document.get("functions", ()):
        reserved = "" if function["reserved"] is None else f" (reserved {function['reserved']})"
        provisioned = f"{function['allocated']} of {function['requested']} provisioned" if function["requested"] else ""
        rows.append(
            _row(name=function["name"], capacity=f"{function['running']} running{reserved}", metric=provisioned)
        )
    return rows


def _target_row(target: Mapping[str, Any]) -> dict[str, str]:
    bounds = f"({target['minimum']} to {target['maximum']})"
    capacity = "not there" if target["current"] is None else f"{target['current']} / {target['desired']} {bounds}"
    policies = [policy for policy in target["policies"] if policy["target"] is not None]
    alarms = [alarm for policy in target["policies"] for alarm in policy["alarms"]]
    into = target["cooldown_in"]
    latest = target["activities"][0] if target["activities"] else None
    return _row(
        name=target["resource"],
        capacity=capacity,
        metric="; ".join(_metric(policy) for policy in policies),
        recent=" ".join(sparkline(policy["recent"], policy["target"]) for policy in policies),
        alarms=", ".join(f"{_side(alarm['name'])} {alarm['state']}" for alarm in alarms),
        cooldowns=f"out {target['cooldown_out']:.0f} s, in {'later' if into is None else f'{into:.0f} s'}",
        activity="" if latest is None else f"{latest['description']} {latest['reason'] or latest['status']}",
    )


def _metric(policy: Mapping[str, Any]) -> str:
    value = "no data" if policy["value"] is None else f"{policy['value']:.6g}"
    return f"{policy['metric']} {value} / {policy['target']:g}"


def _side(name: str) -> str:
    return "High" if "-AlarmHigh-" in name else "Low" if "-AlarmLow-" in name else name


def _row(**cells: str) -> dict[str, str]:
    return {column: cells.get(column, "") for column in COLUMNS}
