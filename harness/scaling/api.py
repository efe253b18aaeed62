"""The service ``application-autoscaling``: scalable targets, scaling policies, scheduled actions and activities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core.calls import Call, Service
from harness.core.clock import Clock
from harness.scaling.cloudwatch import CloudWatchAlarms
from harness.scaling.controller import Controller
from harness.scaling.operations.activities import ActivityOperations
from harness.scaling.operations.base import key_of
from harness.scaling.operations.policies import PolicyOperations
from harness.scaling.operations.targets import TargetOperations
from harness.scaling.records import TargetRecords
from harness.scaling.resources import ResourceFinder
from harness.scaling.state import State
from harness.scaling.view import snapshot


class Scaling(TargetOperations, PolicyOperations, ActivityOperations, Service):
    """The service ``application-autoscaling``, for SageMaker variants and the provisioned concurrency of aliases.

    services: the services that own what is scaled, by botocore's name. metrics: where they record.
    """

    service_name: ClassVar[str] = "application-autoscaling"

    def __init__(self, backend: Backend, clock: Clock, metrics: Metrics, services: Mapping[str, Service]) -> None:
        targets, alarms = TargetRecords(), CloudWatchAlarms(backend)
        controller = Controller(targets, clock, metrics, alarms)
        self.state = State(clock, metrics, ResourceFinder(services), alarms, targets, controller)

    async def start(self) -> None:
        """Begins to look at the scalable targets."""
        self.start_writing()
        self.state.controller.start()

    def start_writing(self) -> None:
        """Begins to write alarms, without looking at the targets: the caller calls look() instead of start()."""
        self.state.alarms.start()

    async def close(self) -> None:
        """Stops, and writes the last states of the alarms."""
        await self.state.controller.close()
        await self.state.alarms.close()

    async def look(self, now: float) -> None:
        """Looks once at every scalable target, as the running service does every ten seconds of the clock."""
        await self.state.controller.look(now)

    async def flush_alarms(self) -> None:
        """Returns when the backend's CloudWatch has the present state of the alarms."""
        await self.state.alarms.flushed()

    def snapshot(self) -> dict[str, Any]:
        """Returns the state of every scalable target, for ``harness watch`` (harness.scaling.view)."""
        return snapshot(self.state.targets.all(), self.state.metrics, self.state.clock.now())

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """Returns the scalable target's ARN; ``*`` for the Describe operations (service authorization reference)."""
        if request.get("ResourceARN"):
            return (request["ResourceARN"],)
        if operation.startswith("Describe") or "ResourceId" not in request:
            return ("*",)
        target = self.state.targets.get(key_of(call, request))
        any_target = f"arn:aws:application-autoscaling:{call.region}:{call.account}:scalable-target/*"
        return (target.arn if target else any_target,)
