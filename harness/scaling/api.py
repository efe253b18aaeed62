"""Application Auto Scaling's API: scalable targets, scaling policies, scheduled actions, activities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core.calls import Call, Service
from harness.core.clock import Clock
from harness.scaling.cloudwatch import Alarms
from harness.scaling.controller import Controller
from harness.scaling.operations.activities import ActivityOperations
from harness.scaling.operations.base import Request, key_of
from harness.scaling.operations.policies import PolicyOperations
from harness.scaling.operations.targets import TargetOperations
from harness.scaling.resources import Resources
from harness.scaling.state import Records
from harness.scaling.view import snapshot


class Scaling(TargetOperations, PolicyOperations, ActivityOperations):
    """The service ``application-autoscaling``, for SageMaker variants and the provisioned concurrency of aliases.

    services: those that own what is scaled, by botocore's name. metrics: where they record.
    """

    service_name: ClassVar[str] = "application-autoscaling"

    def __init__(self, backend: Backend, clock: Clock, metrics: Metrics, services: Mapping[str, Service]) -> None:
        self._metrics = metrics
        records, alarms = Records(), Alarms(backend)
        controller = Controller(records, clock, metrics, alarms)
        super().__init__(clock, records, Resources(services), alarms, controller)

    async def start(self) -> None:
        """Begins to look at the scalable targets."""
        self.start_writing()
        self._controller.start()

    def start_writing(self) -> None:
        """Begins to write alarms; look() is whoever's that does not start()."""
        self._alarms.start()

    async def close(self) -> None:
        """Stops, and writes the alarms' last states."""
        await self._controller.close()
        await self._alarms.close()

    async def look(self, now: float) -> None:
        """One look at every scalable target, as the running service has it every ten seconds of the clock."""
        await self._controller.look(now)

    async def flush_alarms(self) -> None:
        """Returns when the backend's CloudWatch has the alarms as they are."""
        await self._alarms.flushed()

    def snapshot(self) -> dict[str, Any]:
        """Where every scalable target stands, for ``harness watch`` (harness.scaling.view)."""
        return snapshot(self._records.everywhere(), self._metrics, self._clock.now())

    def delegates(self, operation: str) -> bool:
        """No operation is the backend's."""
        return False

    def resources(self, operation: str, request: Request, call: Call) -> Iterable[str]:
        """The scalable target's ARN; ``*`` for the Describe operations (service authorization reference)."""
        if request.get("ResourceARN"):
            return (request["ResourceARN"],)
        if operation.startswith("Describe") or "ResourceId" not in request:
            return ("*",)
        found = self._records.get(key_of(call, request))
        any_target = f"arn:aws:application-autoscaling:{call.region}:{call.account}:scalable-target/*"
        return (found.arn if found else any_target,)
