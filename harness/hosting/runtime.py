"""The service ``sagemaker-runtime``: InvokeEndpoint, its asynchronous and its streaming sister."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar

from harness.core.calls import HEADERS, Call
from harness.core.errors import AwsError
from harness.hosting.api import Hosting
from harness.hosting.deployment import Deployment, Variant
from harness.hosting.endpoint import Endpoint
from harness.hosting.invocation import ModelFailed
from harness.hosting.logs import log_group
from harness.hosting.resources import arn
from harness.hosting.rules.async_request import TTL_SECONDS, AsyncRequest, locations
from harness.hosting.rules.timeouts import ASYNC_INVOCATION_SECONDS, INVOCATION_SECONDS, STREAM_SECONDS
from harness.hosting.streaming import stream

# Request members that go on to the container as headers (botocore, InvokeEndpointInput).
_FORWARDED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "TargetModel": "X-Amzn-SageMaker-Target-Model",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
INSTANCE_HEADER = "X-Harness-Instance"
"""Ours: the number of the instance, within its variant, that was asked; AWS does not tell."""
_DEFAULT_TYPE = "application/octet-stream"
# As printed in public logs.
_HAS_NO_COMPONENTS = (
    "Inference Component Name header is not allowed for endpoints to which you dont plan to deploy inference "
    "components. Please remove the Inference Component Name header and try again."
)
# The rules are the SM guide's (async-inference); AWS's words for them are not published.
_IS_ASYNC = "Endpoint {} is for asynchronous inference: call InvokeEndpointAsync."
_IS_REAL_TIME = "Endpoint {} is for real-time inference: call InvokeEndpoint, or give it an AsyncInferenceConfig."


class HostingRuntime:
    """Answers for the endpoints of ``hosting``. invocation_seconds: how long a container has."""

    service_name: ClassVar[str] = "sagemaker-runtime"

    def __init__(self, hosting: Hosting, *, invocation_seconds: float = INVOCATION_SECONDS) -> None:
        self._hosting = hosting
        self._seconds = invocation_seconds

    def delegates(self, operation: str) -> bool:
        return False

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        return (arn("endpoint", request["EndpointName"], call),)

    async def invoke_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint, deployment = self._real_time(call, request)
        invoker = self._hosting.invoker
        variant = invoker.choose(deployment, request.get("TargetVariant"))
        body, headers = request.get("Body", b""), _headers(request)
        if deployment.shadows:
            invoker.copy(deployment, variant, body, headers, self._seconds)
        try:
            answer, instance = await invoker.invoke(variant, body, headers, self._seconds)
        except ModelFailed as error:
            raise _model_error(call, endpoint.name, error) from None
        content_type = answer.headers.get("Content-Type", _DEFAULT_TYPE)
        self._capture(endpoint, variant, request, (content_type, answer.body))
        return {
            "Body": answer.body,
            "ContentType": content_type,
            "InvokedProductionVariant": variant.name,
            "CustomAttributes": answer.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
            HEADERS: _who_answered(instance),
        }

    async def invoke_endpoint_with_response_stream(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint, deployment = self._real_time(call, request)
        invoker = self._hosting.invoker
        variant = invoker.choose(deployment, request.get("TargetVariant"))
        stack = contextlib.AsyncExitStack()
        try:
            answer = await stack.enter_async_context(
                stream(invoker, variant, request.get("Body", b""), _headers(request), STREAM_SECONDS)
            )
        except ModelFailed as error:
            raise _model_error(call, endpoint.name, error) from None

        async def events() -> AsyncIterator[Mapping[str, Any]]:
            async with stack:
                async for part in answer.parts:
                    yield {"PayloadPart": {"Bytes": part}}

        return {
            "Body": events(),
            "ContentType": answer.headers.get("Content-Type", _DEFAULT_TYPE),
            "InvokedProductionVariant": variant.name,
            "CustomAttributes": answer.headers.get("X-Amzn-SageMaker-Custom-Attributes"),
        }

    async def invoke_endpoint_async(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint, deployment = self._serving(call, request["EndpointName"])
        config = deployment.config.asynchronous
        if config is None or endpoint.queue is None:
            raise AwsError("ValidationError", _IS_REAL_TIME.format(endpoint.name))
        if ("InputLocation" in request) == bool(request.get("Body")):
            raise AwsError("ValidationError", "Give either InputLocation or Body, and not both.")
        name = request.get("Filename", f"{uuid.uuid4()}.out")
        output, failure = locations(config["OutputConfig"], name, request.get("S3OutputPathExtension"))
        inference_id = request.get("InferenceId") or str(uuid.uuid4())
        endpoint.queue.put(
            AsyncRequest(
                inference_id=inference_id,
                received=self._hosting.invoker.clock.now(),
                headers=_headers({**request, "InferenceId": inference_id}),
                input=request.get("InputLocation"),
                body=request.get("Body", b""),
                output=output,
                failure=failure,
                ttl=float(request.get("RequestTTLSeconds", TTL_SECONDS)),
                seconds=float(request.get("InvocationTimeoutSeconds", ASYNC_INVOCATION_SECONDS)),
            )
        )
        return {"InferenceId": inference_id, "OutputLocation": output, "FailureLocation": failure}

    def _serving(self, call: Call, name: str) -> tuple[Endpoint, Deployment]:
        found = self._hosting.endpoint(call.region, name)
        if found is None:
            raise AwsError("ValidationError", f"Endpoint {name} of account {call.account} not found.")
        return found

    def _real_time(self, call: Call, request: Mapping[str, Any]) -> tuple[Endpoint, Deployment]:
        endpoint, deployment = self._serving(call, request["EndpointName"])
        if deployment.config.asynchronous is not None:
            raise AwsError("ValidationError", _IS_ASYNC.format(endpoint.name))
        if "InferenceComponentName" in request:
            raise AwsError("ValidationError", _HAS_NO_COMPONENTS)
        return endpoint, deployment

    def _capture(
        self, endpoint: Endpoint, variant: Variant, request: Mapping[str, Any], answer: tuple[str, bytes]
    ) -> None:
        if endpoint.capture is not None:
            asked = request.get("ContentType", _DEFAULT_TYPE), request.get("Body", b"")
            self._hosting.capture.offer(
                endpoint.capture,
                (endpoint.region, endpoint.name, variant.name),
                {"INPUT": asked, "OUTPUT": answer},
                request.get("InferenceId"),
            )


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    return {header: str(request[member]) for member, header in _FORWARDED.items() if request.get(member) is not None}


def _model_error(call: Call, endpoint: str, failed: ModelFailed) -> AwsError:
    """ModelError 424 with AWS's sentence, as printed in public logs."""
    group = log_group(endpoint)
    side = "client" if 400 <= failed.status < 500 else "server"
    console = f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
    message = (
        f'Received {side} error ({failed.status}) from primary with message "{failed.text}". See '
        f"{console}#logEventViewer:group={group} in account {call.account} for more information."
    )
    return AwsError(
        "ModelError",
        message,
        424,
        fields={
            "OriginalStatusCode": failed.status,
            "OriginalMessage": failed.text,
            "LogStreamArn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}",
        },
        headers={} if failed.instance is None else _who_answered(failed.instance),
    )


def _who_answered(instance: int) -> dict[str, str]:
    return {INSTANCE_HEADER: str(instance)}
