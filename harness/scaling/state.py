"""What all operations of Application Auto Scaling share."""

from __future__ import annotations

from dataclasses import dataclass

from harness.backend.metrics import Metrics
from harness.core.clock import Clock
from harness.scaling.cloudwatch import CloudWatchAlarms
from harness.scaling.controller import Controller
from harness.scaling.records import TargetRecords
from harness.scaling.resources import ResourceFinder


@dataclass(frozen=True, slots=True)
class State:
    """metrics: where the scaled services record. resources: finds what is scaled. targets: what is registered."""

    clock: Clock
    metrics: Metrics
    resources: ResourceFinder
    alarms: CloudWatchAlarms
    targets: TargetRecords
    controller: Controller
