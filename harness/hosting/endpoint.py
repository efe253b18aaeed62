"""An endpoint: its status and what serves behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.hosting.deployment import Deployment
from harness.hosting.resources import EndpointConfig
from harness.hosting.rules.lifecycle import SERVING, Event, Status, after
from harness.hosting.runtime.async_queue import AsyncQueue


@dataclass(slots=True)
class Endpoint:
    """An endpoint.

    config: the configuration in force. capture: the DataCaptureConfig in force. deployment_config: the DeploymentConfig
    of the last update. failure: FailureReason. deployment: serves the requests; pending: is being brought up to replace
    it; retiring: served before it. work: the change that is being carried out.
    """

    name: str
    arn: str
    region: str
    created: float
    modified: float
    config: EndpointConfig
    capture: Mapping[str, Any] | None
    status: Status = "Creating"
    failure: str = ""
    deployment: Deployment | None = None
    pending: Deployment | None = None
    retiring: Deployment | None = None
    deployment_config: Mapping[str, Any] | None = None
    queue: AsyncQueue | None = None
    work: asyncio.Task[None] | None = None

    @property
    def serving(self) -> Deployment | None:
        """What answers requests now, if anything does."""
        return self.deployment if self.status in SERVING else None

    def meet(self, event: Event, now: float) -> None:
        """Moves to the status that follows. Raises AwsError ValidationException if AWS refuses the call."""
        self.status = after(self.status, event, self.arn)
        self.modified = now
