"""The queue of an asynchronous endpoint, and how each request is served from S3 to S3 (SM guide, async-inference)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from urllib.parse import urlparse

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.core import tasks
from harness.core.errors import AwsError
from harness.hosting import errors
from harness.hosting.deployment import Deployment
from harness.hosting.rules import sizes
from harness.hosting.rules.async_request import AsyncRequest
from harness.hosting.rules.notification import Notification, topic_region
from harness.hosting.runtime.invocation import ModelFailed, VariantInvoker
from harness.hosting.runtime.queue_metrics import QueueMetrics, QueueSample

log = logging.getLogger(__name__)

# MaxConcurrentInvocationsPerInstance if it is not given: SageMaker then chooses (botocore), and does not publish what.
DEFAULT_CONCURRENCY = 4


class _InputTooLarge(Exception):
    """The input of a request has more than ASYNC_INPUT_LIMIT bytes."""


class AsyncQueue:
    """The backlog of one endpoint, which the instances in service work off, several requests on each.

    deployment: gives the deployment that serves now; None before the first instance does.
    """

    def __init__(
        self,
        backend: Backend,
        invoker: VariantInvoker,
        metrics: QueueMetrics,
        endpoint: str,
        region: str,
        deployment: Callable[[], Deployment | None],
    ) -> None:
        self._backend = backend
        self._invoker = invoker
        self._metrics = metrics
        self._endpoint = endpoint
        self._region = region
        self._deployment = deployment
        self._backlog: deque[AsyncRequest] = deque()
        self._size = 0
        self._running: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._end_sampling = metrics.sample(self._sample)
        self._dispatching = tasks.keep(
            self._dispatch, "working off an asynchronous endpoint's queue", failed=lambda error: self._wake.set()
        )

    def put(self, request: AsyncRequest) -> None:
        """Raises AwsError ThrottlingException beyond ASYNC_BACKLOG_LIMIT."""
        size = len(request.body) + sizes.ASYNC_REQUEST_OVERHEAD
        if self._size + size > sizes.ASYNC_BACKLOG_LIMIT:
            raise errors.throttled()
        self._size += size
        self._backlog.append(request)
        self._wake.set()

    def wake(self) -> None:
        """To be called when the number of instances in service has changed."""
        self._wake.set()

    async def close(self) -> None:
        """Drops the backlog and the requests that are being served."""
        self._end_sampling()
        await tasks.stop(self._dispatching)
        await tasks.stop(*self._running)

    def _sample(self) -> QueueSample:
        deployment = self._deployment()
        oldest = self._invoker.clock.now() - self._backlog[0].received if self._backlog else 0.0
        return QueueSample(len(self._backlog) + len(self._running), deployment.in_service if deployment else 0, oldest)

    def _limit(self, deployment: Deployment) -> int:
        config = (deployment.config.asynchronous or {}).get("ClientConfig", {})
        return deployment.in_service * int(config.get("MaxConcurrentInvocationsPerInstance", DEFAULT_CONCURRENCY))

    async def _dispatch(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            deployment = self._deployment()
            while deployment is not None and self._backlog and len(self._running) < self._limit(deployment):
                request = self._backlog.popleft()
                self._size -= len(request.body) + sizes.ASYNC_REQUEST_OVERHEAD
                self._start(
                    tasks.start(
                        self._serve(request, deployment),
                        "an asynchronous inference",
                        failed=partial(self._lose, request, deployment),
                    )
                )

    def _start(self, task: asyncio.Task[None]) -> None:
        self._running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()

    def _lose(self, request: AsyncRequest, deployment: Deployment, error: BaseException) -> None:
        """Ends a request whose own task has failed as one that the model failed on."""
        reason = errors.ASYNC_HARNESS_FAILED.format(tasks.said_of(error))
        failing = self._fail(request, self._notification(request, deployment), (reason, reason.encode()))
        self._start(tasks.start(failing, "the failure of an asynchronous inference"))

    def _notification(self, request: AsyncRequest, deployment: Deployment) -> Notification:
        config = (deployment.config.asynchronous or {}).get("OutputConfig", {})
        return Notification(config.get("NotificationConfig", {}), self._region, self._endpoint, request)

    async def _serve(self, request: AsyncRequest, deployment: Deployment) -> None:
        now = self._invoker.clock.now
        notification = self._notification(request, deployment)
        variant = self._invoker.choose(deployment, None)
        started = now()
        failure: tuple[str, bytes] | None = None
        content_type, body = "", b""
        try:
            if started - request.received > request.ttl:
                failure = errors.EXPIRED, errors.EXPIRED.encode()
            else:
                payload = request.body if request.input is None else await self._read(request.input)
                answer, _ = await self._invoker.invoke(variant, payload, request.headers, request.seconds)
                content_type, body = answer.headers.get("Content-Type", ""), answer.body
                await self._write(request.output, body, content_type)
        except _InputTooLarge:
            failure = errors.INPUT_TOO_LARGE, errors.INPUT_TOO_LARGE.encode()
        except ModelFailed as error:
            reason = errors.ASYNC_MODEL_ERROR.format(errors.fault_of(error.status), error.status)
            failure = reason, error.text.encode()
        except (ClientError, BotoCoreError, AwsError) as error:
            failure = f"ClientError: {error}", str(error).encode()
        except Exception as error:
            log.exception("an asynchronous request to %s failed", self._endpoint)
            reason = errors.ASYNC_HARNESS_FAILED.format(tasks.said_of(error))
            failure = reason, reason.encode()
        self._metrics.worked_off(
            variant.name, failed=failure is not None, waited=started - request.received, took=now() - request.received
        )
        if failure is None:
            await self._publish(notification.completed(now(), content_type, body))
        else:
            await self._fail(request, notification, failure)

    async def _fail(self, request: AsyncRequest, notification: Notification, failure: tuple[str, bytes]) -> None:
        """Writes a request's failure to S3 and publishes it. failure: the reason, and what S3OutputPath gets."""
        with contextlib.suppress(ClientError, BotoCoreError):
            if request.failure is not None:
                await self._write(request.failure, failure[1], "text/plain")
        await self._publish(notification.failed(self._invoker.clock.now(), *failure))

    async def _read(self, url: str) -> bytes:
        location = _s3_location(url)

        def get() -> bytes:
            client = self._backend.client("s3", self._region)
            with contextlib.suppress(ClientError):  # the answer to GET says what is wrong, the answer to HEAD does not
                if client.head_object(**location)["ContentLength"] > sizes.ASYNC_INPUT_LIMIT:
                    raise _InputTooLarge
            return bytes(client.get_object(**location)["Body"].read())

        return await tasks.in_thread(get)

    async def _write(self, url: str, body: bytes, content_type: str) -> None:
        await self._backend.call(
            "s3", "put_object", region=self._region, **_s3_location(url), Body=body, ContentType=content_type
        )

    async def _publish(self, message: tuple[str, str] | None) -> None:
        if message is None:
            return
        topic, text = message
        try:
            await self._backend.call("sns", "publish", region=topic_region(topic), TopicArn=topic, Message=text)
        except (ClientError, BotoCoreError) as error:
            log.warning("%s could not be notified of an inference of %s: %s", topic, self._endpoint, error)


def _s3_location(url: str) -> dict[str, str]:
    """Bucket and Key of an s3:// URL."""
    parts = urlparse(url)
    return {"Bucket": parts.netloc, "Key": parts.path.lstrip("/")}
