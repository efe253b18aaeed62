"""The service ``sagemaker-runtime``: InvokeEndpoint, InvokeEndpointWithResponseStream and InvokeEndpointAsync."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar

from harness.core.calls import HEADERS, Call, Service
from harness.core.errors import AwsError
from harness.hosting import errors
from harness.hosting.api import Hosting
from harness.hosting.deployment import Deployment, Variant
from harness.hosting.endpoint import Endpoint
from harness.hosting.logs import log_group
from harness.hosting.resources import arn
from harness.hosting.rules.async_request import TTL_SECONDS, AsyncRequest, locations
from harness.hosting.rules.timeouts import ASYNC_INVOCATION_SECONDS, INVOCATION_SECONDS, STREAM_SECONDS
from harness.hosting.runtime.invocation import ModelFailed
from harness.hosting.runtime.streaming import stream

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
"""Ours: the number, within its variant, of the instance that was asked. AWS does not tell it."""
_DEFAULT_TYPE = "application/octet-stream"


class HostingRuntime(Service):
    """Answers for the endpoints of ``hosting``. invocation_seconds: what a container has to answer."""

    service_name: ClassVar[str] = "sagemaker-runtime"
    signing_name: ClassVar[str] = "sagemaker"
    body_limit: ClassVar[int] = 6_291_456  # botocore, BodyBlob
    validation_code: ClassVar[str] = "ValidationError"

    def __init__(self, hosting: Hosting, *, invocation_seconds: float = INVOCATION_SECONDS) -> None:
        self._hosting = hosting
        self._seconds = invocation_seconds

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
            HEADERS: _instance_header(instance),
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
            raise errors.invalid_invocation(errors.ENDPOINT_REAL_TIME.format(endpoint.name))
        if ("InputLocation" in request) == bool(request.get("Body")):
            raise errors.invalid_invocation(errors.PAYLOAD_AMBIGUOUS)
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
        serving = self._hosting.endpoint(call.region, name)
        if serving is None:
            raise errors.invalid_invocation(errors.ENDPOINT_NOT_FOUND.format(name, call.account))
        return serving

    def _real_time(self, call: Call, request: Mapping[str, Any]) -> tuple[Endpoint, Deployment]:
        endpoint, deployment = self._serving(call, request["EndpointName"])
        if deployment.config.asynchronous is not None:
            raise errors.invalid_invocation(errors.ENDPOINT_ASYNC.format(endpoint.name))
        if "InferenceComponentName" in request:
            raise errors.invalid_invocation(errors.COMPONENT_GIVEN)
        return endpoint, deployment

    def _capture(
        self, endpoint: Endpoint, variant: Variant, request: Mapping[str, Any], output: tuple[str, bytes]
    ) -> None:
        """Has data capture take a request. output: content type and body of its answer."""
        if endpoint.capture is not None:
            self._hosting.capture.offer(
                endpoint.capture,
                (endpoint.region, endpoint.name, variant.name),
                {"INPUT": (request.get("ContentType", _DEFAULT_TYPE), request.get("Body", b"")), "OUTPUT": output},
                request.get("InferenceId"),
            )


def _headers(request: Mapping[str, Any]) -> dict[str, str]:
    return {header: str(request[member]) for member, header in _FORWARDED.items() if request.get(member) is not None}


def _model_error(call: Call, endpoint: str, failure: ModelFailed) -> AwsError:
    """ModelError, as printed in public logs."""
    group = log_group(endpoint)
    console = f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
    message = errors.MODEL_ERROR.format(
        errors.fault_of(failure.status),
        failure.status,
        failure.text,
        f"{console}#logEventViewer:group={group}",
        call.account,
    )
    original = {
        "OriginalStatusCode": failure.status,
        "OriginalMessage": failure.text,
        "LogStreamArn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}",
    }
    return errors.model_error(message, original, {} if failure.instance is None else _instance_header(failure.instance))


def _instance_header(instance: int) -> dict[str, str]:
    return {INSTANCE_HEADER: str(instance)}
