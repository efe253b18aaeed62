"""Invocations: admitted, run, measured; events queued, retried, and their destinations told."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.core.calls import Call
from harness.functions import asynchronous, destinations, errors
from harness.functions.function import Function, Version, found
from harness.functions.rules import function_url, names, payload
from harness.functions.rules.concurrency import Refusal, Start
from harness.functions.rules.event_invoke import EventInvokeConfig, record
from harness.functions.rules.function_url import UrlConfig, UrlRequest, UrlResponse
from harness.functions.rules.names import LATEST, FunctionReference
from harness.functions.rules.outcome import Invocation, Outcome
from harness.functions.state import Registry

LARGE_EVENT = 262_144  # ours: bytes from which an event is checked off the event loop

log = logging.getLogger(__name__)


class InvocationOperations(Registry):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._events = asynchronous.EventQueue()
        self._running: set[asyncio.Task[Outcome]] = set()

    async def invoke(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self._find(call, request)
        kind = request.get("InvocationType") or "RequestResponse"
        body = bytes(request.get("Payload") or b"")
        if len(body) < LARGE_EVENT:
            event = payload.check_event(body, kind)
        else:
            event = await asyncio.to_thread(payload.check_event, body, kind)
        invocation = Invocation(
            call.request_id,
            reference.arn,
            event,
            payload.client_context(request.get("ClientContext")),
            synchronous=kind == "RequestResponse",
        )
        if kind == "DryRun":
            return {"StatusCode": 204, "Payload": b""}
        if kind == "Event":
            self._accept(reference, invocation)
            return {"StatusCode": 202, "Payload": b""}
        result, version = await self._run(function, reference, invocation)
        response: dict[str, Any] = {"StatusCode": 200, "Payload": result.payload, "ExecutedVersion": version}
        if result.error_type is not None:
            response["FunctionError"] = "Unhandled"
        if request.get("LogType") == "Tail":
            response["LogResult"] = result.log_result
        return response

    async def invoke_url(
        self, reference: FunctionReference, config: UrlConfig, request: UrlRequest, request_id: str
    ) -> UrlResponse:
        """One request to a function URL. Raises AwsError: forbidden, throttled, too large."""
        cors = function_url.cors_headers(config.cors, request)
        if function_url.is_preflight(config.cors, request):
            return UrlResponse(200, cors, b"")
        function = self._named(reference)
        if function is None or function.version(reference.qualifier) is None:
            raise errors.forbidden_url()
        policy = function.policies.get(reference.qualifier)
        if config.auth_type == "NONE" and (policy is None or not policy.opens_url()):
            raise errors.forbidden_url()
        event = function_url.event(config, request, request_id, reference.region, self._clock.now())
        invocation = Invocation(request_id, reference.arn, payload.check_event(event, "RequestResponse"))
        result, _ = await self._run(function, reference, invocation)
        answer = function_url.response(result)
        return replace(answer, headers=[*answer.headers, *cors])

    # ---- one attempt

    async def _run(self, function: Function, reference: FunctionReference, invocation: Invocation) -> asynchronous.Ran:
        """Run it in the version that its reference, or an alias' weights, choose. Raises AwsError."""
        version = function.choose(reference.qualifier) or found(function, reference)
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
        # A task of its own: a caller that hangs up does not stop a function.
        task = asyncio.ensure_future(pool.invoke(invocation, start))
        self._running.add(task)
        task.add_done_callback(lambda done: self._done(done, function, reference, version, start))
        return await asyncio.shield(task), number

    def _done(
        self,
        task: asyncio.Task[Outcome],
        function: Function,
        reference: FunctionReference,
        version: Version,
        start: Start,
    ) -> None:
        function.concurrency.done(start, version.provisioning.concurrency)
        self._metrics.finished(reference)
        if version.pool.finished:
            self._pools.discard(version.pool)
        self._running.discard(task)
        if task.cancelled() or task.exception():  # retrieved here too, for a caller that has gone
            return
        outcome = task.result()
        self._metrics.ended(reference, version.configuration.version, outcome.duration, outcome.error_type is not None)

    # ---- events

    def _accept(self, reference: FunctionReference, invocation: Invocation) -> None:
        self._metrics.count(reference, "AsyncEventsReceived")
        self._events.put(self._deliver(reference, invocation))

    async def _deliver(self, reference: FunctionReference, invocation: Invocation) -> None:
        """An event to its end. Each attempt runs whatever is deployed at its time."""
        accepted = self._clock.now()
        arn = replace(reference, qualifier=reference.qualifier or LATEST).arn

        def config() -> EventInvokeConfig:
            function = self._named(reference)
            found = function.event_invoke.get(reference.qualifier or LATEST) if function else None
            return found or EventInvokeConfig(arn, self._now())

        async def attempt() -> asynchronous.Ran:
            function = self._named(reference)
            if function is None:
                raise errors.not_found(reference.arn)
            age = (self._clock.now() - accepted) * 1000
            ran = await self._run(function, reference, invocation)
            self._metrics.event_age(reference, age)  # of what was not throttled only
            return ran

        fate = await asynchronous.deliver(attempt, config, self._clock)
        if fate.condition != "Success":
            self._metrics.count(reference, "AsyncEventsDropped")
        if fate.condition is None:
            return
        destination = config().on_success if fate.condition == "Success" else config().on_failure
        if destination is not None:
            told = record(
                invocation,
                arn,
                condition=fate.condition,
                attempts=fate.attempts,
                last=fate.last,
                now=self._clock.now(),
            )
            await self._tell(reference, destination, json.dumps(told), "DestinationDeliveryFailures")
        dead_letters = self._dead_letters(reference)
        if fate.condition != "Success" and dead_letters is not None:
            body, attributes = destinations.dead_letter(invocation, fate.last[0] if fate.last else None)
            await self._tell(reference, dead_letters, body, "DeadLetterErrors", attributes)

    def _dead_letters(self, reference: FunctionReference) -> str | None:
        function = self._named(reference)
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
            told = names.parse(destination, None, account=reference.account, region=reference.region)
            self._accept(told, Invocation(str(uuid.uuid4()), told.arn, body.encode(), synchronous=False))
            return
        try:
            await destinations.send(self._backend, destination, body, attributes)
        except (ClientError, BotoCoreError) as error:
            self._metrics.count(reference, failure)
            log.warning("%s could not be told of an event: %s", destination, error)
