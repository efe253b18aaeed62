"""Runs invocations: admits, runs and measures them; queues and retries events and notifies their destinations."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core import tasks
from harness.core.clock import Clock, WallClock
from harness.core.errors import AwsError
from harness.functions import asynchronous, destinations, errors
from harness.functions.deployer import Deployer
from harness.functions.function import DeployedFunctions, Function, Version, version_of
from harness.functions.metrics import FunctionMetrics
from harness.functions.rules import names
from harness.functions.rules.concurrency import Refusal, Start
from harness.functions.rules.event_invoke import EventInvokeConfig, dead_letter, record
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.rules.result import Invocation, InvocationResult

log = logging.getLogger(__name__)


class Invoker:
    """Runs invocations and delivers events. Requests take wall-clock time, however fast the clock runs."""

    def __init__(
        self, backend: Backend, clock: Clock, metrics: FunctionMetrics, functions: DeployedFunctions, deployer: Deployer
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._requests = WallClock()
        self._metrics = metrics
        self._functions = functions
        self._deployer = deployer
        self._events = asynchronous.EventQueue()
        self._running: set[asyncio.Task[InvocationResult]] = set()

    async def close_events(self) -> None:
        """Discard the events that are still waiting."""
        await self._events.close()

    async def wait(self) -> None:
        """Wait until no invocation is running."""
        await tasks.settle("an invocation", *self._running)

    async def run(self, function: Function, reference: FunctionReference, invocation: Invocation) -> asynchronous.Ran:
        """Run one invocation in the version of the reference; an alias chooses by its weights. Raises AwsError."""
        version = function.choose(reference.qualifier) or version_of(function, reference)
        concurrency, pool = function.concurrency, version.pool
        provisioned = version.provisioning.concurrency
        start = concurrency.admit(
            self._requests.now(), warm=pool.warm, provisioned=provisioned, synchronous=invocation.synchronous
        )
        if isinstance(start, Refusal):
            self._metrics.throttled(reference)
            raise errors.throttled(start.reason)
        number = version.configuration.version
        self._metrics.started(reference, number, start, concurrency, provisioned)
        # A separate task, so that a caller who hangs up does not stop the function.
        task = tasks.start(pool.invoke(invocation, start), "an invocation", expected=(AwsError,))
        self._running.add(task)
        task.add_done_callback(lambda done: self._done(done, function, reference, version, start))
        try:
            return await asyncio.shield(task), number
        except AwsError:
            raise
        except Exception as error:
            raise errors.service(errors.HARNESS_FAILED.format(tasks.said_of(error))) from error

    def _done(
        self,
        task: asyncio.Task[InvocationResult],
        function: Function,
        reference: FunctionReference,
        version: Version,
        start: Start,
    ) -> None:
        function.concurrency.done(start, version.provisioning.concurrency)
        self._metrics.finished(reference)
        self._deployer.discard_finished(version.pool)
        self._running.discard(task)
        if task.cancelled() or task.exception():  # retrieved here too, in case the caller has hung up
            return
        result = task.result()
        self._metrics.ended(reference, version.configuration.version, result.duration, result.error_type is not None)

    def accept(self, reference: FunctionReference, invocation: Invocation) -> None:
        """Queue an event. It is delivered in the background. Raises AwsError if too many wait."""
        if not self._events.has_room(len(invocation.payload)):
            raise errors.throttled("CallerRateLimitExceeded")  # unverified: AWS's queue has no limit of its own
        self._metrics.count(reference, "AsyncEventsReceived")
        size = len(invocation.payload)
        self._events.put(self._deliver(reference, invocation), size, partial(self._lose, reference, invocation))

    def _lose(self, reference: FunctionReference, invocation: Invocation, error: BaseException) -> None:
        """Ends an event whose delivery itself has failed like one whose retries are exhausted."""
        fate = asynchronous.Fate("RetriesExhausted", 0, None)
        self._events.put(self._tell_fate(reference, invocation, fate), len(invocation.payload))

    async def _deliver(self, reference: FunctionReference, invocation: Invocation) -> None:
        """Deliver an event, with retries and notifications. Each attempt runs the version deployed at that time."""
        accepted = self._clock.now()

        async def attempt() -> asynchronous.Ran:
            function = self._functions.get(reference)
            if function is None:
                raise errors.not_found(reference.arn)
            age = (self._clock.now() - accepted) * 1000
            ran = await self.run(function, reference, invocation)
            self._metrics.event_age(reference, age)  # not recorded for a throttled attempt
            return ran

        await self._tell_fate(
            reference,
            invocation,
            await asynchronous.deliver(attempt, partial(self._event_config, reference), self._clock),
        )

    async def _tell_fate(self, reference: FunctionReference, invocation: Invocation, fate: asynchronous.Fate) -> None:
        """Record how an event ended, and tell its destination and dead-letter queue."""
        if fate.condition != "Success":
            self._metrics.count(reference, "AsyncEventsDropped")
        if fate.condition is None:
            return
        config = self._event_config(reference)
        destination = config.on_success if fate.condition == "Success" else config.on_failure
        if destination is not None:
            invocation_record = record(
                invocation,
                _qualified(reference),
                condition=fate.condition,
                attempts=fate.attempts,
                last=fate.last,
                now=self._clock.now(),
            )
            await self._tell(reference, destination, json.dumps(invocation_record), "DestinationDeliveryFailures")
        dead_letters = self._dead_letters(reference)
        if fate.condition != "Success" and dead_letters is not None:
            body, attributes = dead_letter(invocation, fate.last[0] if fate.last else None)
            await self._tell(reference, dead_letters, body, "DeadLetterErrors", attributes)

    def _event_config(self, reference: FunctionReference) -> EventInvokeConfig:
        function = self._functions.get(reference)
        settings = function.event_invoke.get(reference.qualifier or LATEST) if function else None
        return settings or EventInvokeConfig(_qualified(reference), datetime.fromtimestamp(self._clock.now(), UTC))

    def _dead_letters(self, reference: FunctionReference) -> str | None:
        function = self._functions.get(reference)
        version = function.version(reference.qualifier) if function else None
        return version.configuration.dead_letters if version else None

    async def _tell(
        self,
        reference: FunctionReference,
        destination: str,
        body: str,
        failure: str,
        attributes: dict[str, Any] | None = None,
    ) -> None:
        if ":lambda:" in destination:
            target = names.parse(destination, None, account=reference.account, region=reference.region)
            try:
                self.accept(target, Invocation(str(uuid.uuid4()), target.arn, body.encode(), synchronous=False))
            except AwsError:
                self._metrics.count(reference, failure)
            return
        try:
            await destinations.send(self._backend, destination, body, attributes)
        except (ClientError, BotoCoreError) as error:
            self._metrics.count(reference, failure)
            log.warning("%s could not be told of an event: %s", destination, error)


def _qualified(reference: FunctionReference) -> str:
    """The ARN with its qualifier, which is ``$LATEST`` if none was given."""
    return replace(reference, qualifier=reference.qualifier or LATEST).arn
