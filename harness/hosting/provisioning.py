"""Carries out what endpoint operations have accepted: creation, blue/green update, scaling and deletion."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core import tasks
from harness.core.clock import Clock
from harness.hosting import errors
from harness.hosting.deployment import Deployment, DeploymentBuilder, Retained
from harness.hosting.endpoint import Endpoint
from harness.hosting.fleet import FAILURES
from harness.hosting.instances.base import InstanceFailed
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.resources import EndpointConfig, Model
from harness.hosting.rules.lifecycle import Event
from harness.hosting.runtime.async_queue import AsyncQueue
from harness.hosting.runtime.invocation import VariantInvoker
from harness.hosting.runtime.queue_metrics import QueueMetrics

log = logging.getLogger(__name__)

# The longest FailureReason (botocore).
_FAILURE_LIMIT = 1024


@dataclass(frozen=True, slots=True)
class VariantChange:
    """A variant's new weight and count; None leaves it as it is."""

    weight: float | None
    count: int | None


@dataclass(frozen=True, slots=True)
class Update:
    """A blue/green update.

    models: by variant name. retained: by variant name. capture: the DataCaptureConfig afterwards. termination_wait:
    seconds of the clock for which the old fleet is kept after the new one has taken over.
    """

    config: EndpointConfig
    models: Mapping[str, Model]
    settings: LocalSettings
    retained: Mapping[str, Retained]
    capture: Mapping[str, Any] | None
    termination_wait: float


class EndpointProvisioning:
    """Brings endpoints to what their operations ask for. Each endpoint has one task at a time.

    deleted: called with an endpoint when its deletion is done.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        metrics: Metrics,
        builder: DeploymentBuilder,
        invoker: VariantInvoker,
        *,
        deleted: Callable[[Endpoint], None],
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._metrics = metrics
        self._builder = builder
        self._invoker = invoker
        self._deleted = deleted

    def create(self, endpoint: Endpoint, models: Mapping[str, Model], settings: LocalSettings) -> None:
        """Brings a new endpoint's configuration up. models: by variant name."""
        self._run(endpoint, self._create(endpoint, models, settings))

    def replace(self, endpoint: Endpoint, update: Update) -> None:
        """Replaces the deployment; the old one serves until the new one is up."""
        self._run(endpoint, self._replace(endpoint, update))

    def rescale(self, endpoint: Endpoint, changes: Mapping[str, VariantChange]) -> None:
        """Changes weights and counts of variants by name."""
        self._run(endpoint, self._rescale(endpoint, changes))

    def delete(self, endpoint: Endpoint) -> None:
        self._run(endpoint, self._delete(endpoint))

    async def stop(self, endpoint: Endpoint) -> None:
        """Ends what is being carried out and takes every instance down."""
        await tasks.stop(endpoint.work)
        await self._take_down(endpoint)

    def _run(self, endpoint: Endpoint, work: Coroutine[Any, Any, None]) -> None:
        endpoint.work = tasks.start(work, "changing an endpoint", failed=partial(self._give_up, endpoint))

    def _give_up(self, endpoint: Endpoint, error: BaseException) -> None:
        """Ends a change whose own code has failed. The endpoint can be deleted then; it goes on serving if it did."""
        endpoint.failure = _reason(error)
        if endpoint.status == "Updating":
            self._meet(endpoint, Event.ROLL_BACK)
        if endpoint.status == "RollingBack":
            self._meet(endpoint, Event.READY)
        elif endpoint.status in ("Creating", "Deleting"):
            self._meet(endpoint, Event.FAILED)

    async def _create(self, endpoint: Endpoint, models: Mapping[str, Model], settings: LocalSettings) -> None:
        if endpoint.config.asynchronous is not None:
            metrics = QueueMetrics(self._metrics, endpoint.region, endpoint.name)
            endpoint.queue = AsyncQueue(
                self._backend, self._invoker, metrics, endpoint.name, endpoint.region, lambda: endpoint.serving
            )
        deployment = endpoint.deployment = self._builder.new(endpoint.region, endpoint.name, endpoint.config)
        failure = await self._bring_up(endpoint, deployment, models, settings, {})
        if failure is None:
            self._meet(endpoint, Event.READY)
            return
        await self._take_down(endpoint)
        endpoint.failure = failure
        self._meet(endpoint, Event.FAILED)

    async def _replace(self, endpoint: Endpoint, update: Update) -> None:
        new = endpoint.pending = self._builder.new(endpoint.region, endpoint.name, update.config)
        failure = await self._bring_up(endpoint, new, update.models, update.settings, update.retained)
        if failure is not None:
            self._meet(endpoint, Event.ROLL_BACK)
            await self._builder.take_down(new)
            endpoint.pending = None
            endpoint.failure = failure
            self._meet(endpoint, Event.READY)
            return
        endpoint.retiring, endpoint.deployment, endpoint.pending = endpoint.deployment, new, None
        endpoint.config, endpoint.capture, endpoint.failure = update.config, update.capture, ""
        self._wake(endpoint)
        await self._clock.sleep(update.termination_wait)
        if endpoint.retiring is not None:
            await self._builder.take_down(endpoint.retiring, drain=True)
            endpoint.retiring = None
        self._meet(endpoint, Event.READY)

    async def _rescale(self, endpoint: Endpoint, changes: Mapping[str, VariantChange]) -> None:
        assert endpoint.deployment is not None, "an endpoint in service has a deployment"
        variants = {name: endpoint.deployment.variants[name] for name in changes}
        former = {name: variant.fleet.desired for name, variant in variants.items()}
        for name, change in changes.items():
            if change.weight is not None:
                variants[name].desired_weight = change.weight
        scaled = await tasks.outcomes(
            *(
                variants[name].fleet.scale(change.count)
                for name, change in changes.items()
                if change.count is not None and change.count != former[name]
            )
        )
        failures = [outcome for outcome in scaled if isinstance(outcome, BaseException)]
        if failures:
            self._meet(endpoint, Event.ROLL_BACK)
            for variant in variants.values():
                variant.desired_weight = variant.weight
            back = (variant.fleet.scale(former[name]) for name, variant in variants.items())
            await tasks.settle("scaling a variant back", *back)
            endpoint.failure = _reason(failures[0])
        else:
            for variant in variants.values():
                variant.weight = variant.desired_weight
            endpoint.failure = ""
        self._meet(endpoint, Event.READY)

    async def _delete(self, endpoint: Endpoint) -> None:
        await self._take_down(endpoint)
        self._deleted(endpoint)

    async def _bring_up(
        self,
        endpoint: Endpoint,
        deployment: Deployment,
        models: Mapping[str, Model],
        settings: LocalSettings,
        retained: Mapping[str, Retained],
    ) -> str | None:
        """Returns FailureReason, or None when everything serves."""
        try:
            await self._builder.bring_up(deployment, models, settings, retained, lambda: self._wake(endpoint))
        except Exception as error:
            return _reason(error)
        return None

    async def _take_down(self, endpoint: Endpoint) -> None:
        if endpoint.queue is not None:
            await tasks.attempt(endpoint.queue.close(), "ending an endpoint's queue")
            endpoint.queue = None
        for deployment in (endpoint.pending, endpoint.retiring, endpoint.deployment):
            if deployment is not None:
                await self._builder.take_down(deployment)
        endpoint.pending = endpoint.retiring = endpoint.deployment = None

    def _meet(self, endpoint: Endpoint, event: Event) -> None:
        endpoint.meet(event, self._clock.now())
        self._wake(endpoint)

    def _wake(self, endpoint: Endpoint) -> None:
        if endpoint.queue is not None:
            endpoint.queue.wake()


def _reason(error: BaseException) -> str:
    """FailureReason. Of an output that is too long the end is kept, because it says why."""
    if not isinstance(error, FAILURES):
        log.error("an endpoint could not be changed", exc_info=error)
        return errors.HARNESS_FAILED.format(tasks.said_of(error))[:_FAILURE_LIMIT]
    sentence = errors.UNHEALTHY.format(error.variant) if isinstance(error, InstanceFailed) else ""
    lines, room = str(error), _FAILURE_LIMIT - len(sentence)
    return sentence + (lines if len(lines) <= room else "..." + lines[-(room - 3) :])
