"""An endpoint: what it is called, where it stands, what serves behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.hosting.asynchronous import AsyncQueue
from harness.hosting.deployment import Deployment
from harness.hosting.resources import EndpointConfig
from harness.hosting.rules.lifecycle import SERVING, Event, Status, after


@dataclass(slots=True)
class Endpoint:
    """config: what it was last set to; deployment: what serves; pending: what is being brought up in its place;
    retiring: what served before it.

    capture: DataCaptureConfig in force. deployed: the DeploymentConfig of the last update. work: what is being done.
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
    deployed: Mapping[str, Any] | None = None
    queue: AsyncQueue | None = None
    work: asyncio.Task[None] | None = None

    @property
    def serving(self) -> Deployment | None:
        """What answers requests now, if anything does."""
        return self.deployment if self.status in SERVING else None

    def meet(self, event: Event, now: float) -> None:
        """Moves to the status that follows. Raises AwsError ValidationException where AWS refuses the call."""
        self.status = after(self.status, event, self.arn)
        self.modified = now
