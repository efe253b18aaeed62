"""The operation Invoke."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.core import tasks
from harness.core.calls import Call
from harness.functions.rules import payload
from harness.functions.rules.result import Invocation
from harness.functions.state import Operations

LARGE_EVENT = 262_144  # ours: bytes; an event of this size or more is checked in a thread


class InvocationOperations(Operations):
    """Invoke."""

    async def invoke(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        reference, function = self.state.find(call, request)
        kind = request.get("InvocationType") or "RequestResponse"
        body = bytes(request.get("Payload") or b"")
        if len(body) < LARGE_EVENT:
            event = payload.check_event(body, kind)
        else:
            event = await tasks.in_thread(payload.check_event, body, kind)
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
            self.state.invoker.accept(reference, invocation)
            return {"StatusCode": 202, "Payload": b""}
        result, version = await self.state.invoker.run(function, reference, invocation)
        response: dict[str, Any] = {"StatusCode": 200, "Payload": result.payload, "ExecutedVersion": version}
        if result.error_type is not None:
            response["FunctionError"] = "Unhandled"
        if request.get("LogType") == "Tail":
            response["LogResult"] = result.log_result
        return response
