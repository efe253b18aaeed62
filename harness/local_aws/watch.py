"""Draws auto scaling in the terminal: instances, metrics against their targets, alarms, concurrency."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from harness.local_aws.client import LocalAwsClient

REFRESH_SECONDS = 1.0
_STYLES = {"OK": "green", "ALARM": "bold red", "INSUFFICIENT_DATA": "yellow"}
_BARS = " ▁▂▃▄▅▆▇█"
# The name of a target tracking alarm repeats the panel's title and ends in a UUID.
_TRACKING_ALARM = re.compile(r"TargetTracking-\S+-(Alarm(?:High|Low))-\S+")


def watch(url: str, console: Console) -> None:
    """Draws the harness at ``url`` until it is interrupted. Raises HarnessError if the harness goes."""
    client = LocalAwsClient(url)
    with Live(picture(client.scaling()), console=console, auto_refresh=False, screen=console.is_terminal) as live:
        while True:
            time.sleep(REFRESH_SECONDS)
            live.update(picture(client.scaling()), refresh=True)


def picture(document: Mapping[str, Any]) -> RenderableType:
    """One picture of what LocalAwsClient.scaling() answers."""
    now = float(document["now"])
    parts: list[RenderableType] = [Text(f"{_clock(now)} UTC on the harness's clock", style="dim")]
    parts += [_target(target, now) for target in document["targets"]]
    if not document["targets"]:
        parts.append(Text("No scalable target is registered: [scaling] in a stack file, or register_scalable_target."))
    if document.get("functions"):
        parts.append(_functions(document["functions"]))
    return Group(*parts)


def _target(target: Mapping[str, Any], now: float) -> RenderableType:
    grid = Table.grid(padding=(0, 2))
    grid.add_row("capacity", _capacity(target))
    for policy in target["policies"]:
        if policy["target"] is not None:
            grid.add_row(f"{policy['metric']}", _metric(policy))
        for alarm in policy["alarms"]:
            grid.add_row("alarm", _alarm(alarm, now))
    grid.add_row("cooldowns", _cooldowns(target))
    for activity in target["activities"]:
        grid.add_row(_clock(activity["time"]), _activity(activity))
    return Panel(grid, title=target["resource"], title_align="left")


def _capacity(target: Mapping[str, Any]) -> Text:
    current, desired = target["current"], target["desired"]
    if current is None:
        return Text("the resource is not there", style="yellow")
    text = Text("●" * current, style="green")
    text.append("○" * max(0, desired - current), style="yellow")
    text.append(f" {current} running, {desired} desired, {target['minimum']} to {target['maximum']}", style="default")
    if not target["updatable"]:
        text.append("  updating", style="yellow")
    return text


def _metric(policy: Mapping[str, Any]) -> Text:
    value, target = policy["value"], policy["target"]
    shown = "no data" if value is None else f"{value:,.6g}"
    style = "yellow" if value is None else "red" if value > target else "green"
    text = Text(shown, style=style)
    text.append(f" of {target:,.6g}  ", style="default")
    text.append(sparkline(policy["recent"], target), style="cyan")
    return text


def sparkline(values: Sequence[float | None], target: float) -> str:
    """One bar for each datapoint. A bar of half the height is the target; a missing datapoint is blank."""
    return "".join(
        " " if value is None else _BARS[max(1, min(len(_BARS) - 1, round(value / target * 4)))] for value in values
    )


def _alarm(alarm: Mapping[str, Any], now: float) -> Text:
    text = Text(alarm["state"], style=_STYLES[alarm["state"]])
    side = "High" if "-AlarmHigh-" in alarm["name"] else "Low" if "-AlarmLow-" in alarm["name"] else alarm["name"]
    text.append(f"  {side} {alarm['threshold']:,.6g}, for {_seconds(now - alarm['since'])}", style="default")
    return text


def _cooldowns(target: Mapping[str, Any]) -> str:
    into = target["cooldown_in"]
    return f"out {_seconds(target['cooldown_out'])}, in {'after this change' if into is None else _seconds(into)}"


def _activity(activity: Mapping[str, Any]) -> Text:
    cause = _TRACKING_ALARM.sub(r"\1", activity["cause"])
    text = Text(f"{activity['description']} {activity['reason'] or activity['status']}")
    text.append(f"  {cause}", style="dim")
    return text


def _functions(functions: Sequence[Mapping[str, Any]]) -> RenderableType:
    table = Table("function", "running", "reserved", "provisioned", box=None, pad_edge=False)
    for function in functions:
        reserved = "-" if function["reserved"] is None else str(function["reserved"])
        provisioned = f"{function['allocated']} of {function['requested']}"
        table.add_row(function["name"], str(function["running"]), reserved, provisioned)
    return Panel(table, title="Lambda concurrency", title_align="left")


def _clock(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")


def _seconds(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 120 else f"{whole // 60} min"
