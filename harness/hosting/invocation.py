"""One request to a variant: the choice, the container's answer or why there is none, and the metrics of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping

from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.hosting.deployment import Deployment, Variant
from harness.hosting.instances.base import Answer, InvocationFailed, MalformedAnswer
from harness.hosting.rules.routing import choose_by_weight, copies

# Both as printed in public logs.
TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)
EXITED = "An error occurred while handling request as the model process exited."
# Ours: what AWS says of an answer that is not HTTP is not published.
MALFORMED = "The response of container primary is not valid HTTP."


class ModelFailed(Exception):
    """The container did not answer with a success. status: HTTP, 0 for none; text: the body, or why there is none.

    instance: the number of the one that was asked, where it is known.
    """

    def __init__(self, status: int, text: str, instance: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.instance = instance


def reason(error: Exception) -> str:
    """Why an instance gave no answer, in AWS's words."""
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return MALFORMED if isinstance(error, MalformedAnswer) else EXITED


class Invoker:
    """Sends requests to variants. Latencies are the wall's at any speed of the clock, as service times are."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._random = random.Random()  # noqa: S311 - routing, not cryptography
        self._copies: set[asyncio.Task[None]] = set()

    def choose(self, deployment: Deployment, target: str | None) -> Variant:
        """The variant that ``target`` names, or one by weight. Raises AwsError ValidationError for an unknown one."""
        if target is not None:
            if target not in deployment.variants:
                message = f"Variant {target} not found for endpoint {deployment.endpoint}."
                raise AwsError("ValidationError", message)
            return deployment.variants[target]
        variants = list(deployment.variants.values())
        if len(variants) == 1:
            return variants[0]
        return variants[choose_by_weight([variant.weight for variant in variants], self._random.random())]

    async def invoke(
        self, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[Answer, int]:
        """The container's answer where it is a success, and the number of the instance that gave it.

        Raises ModelFailed where it is none, or none came within ``seconds``; AwsError ServiceUnavailable where no
        instance is in service.
        """
        arrived = time.perf_counter()
        variant.telemetry.arrived()
        with variant.fleet.instance() as (number, instance):
            sent = time.perf_counter()
            try:
                answer = await instance.invoke(body, headers, seconds)
            except (TimeoutError, InvocationFailed) as error:
                self.finished(variant, 0, arrived, sent, time.perf_counter())
                raise ModelFailed(0, reason(error), number) from None
            back = time.perf_counter()
        self.finished(variant, answer.status, arrived, sent, back)
        if not 200 <= answer.status < 300:
            raise ModelFailed(answer.status, answer.body.decode("utf-8", "replace"), number)
        return answer, number

    def finished(self, variant: Variant, status: int, arrived: float, sent: float, back: float) -> None:
        """Records a request by time.perf_counter(): when it came, was sent to the container, and was answered."""
        variant.telemetry.answered(status, back - sent, time.perf_counter() - arrived - (back - sent))

    def copy(
        self, deployment: Deployment, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> None:
        """Sends a copy to each shadow variant, by its weight; what it answers is dropped, its metrics are kept."""
        for shadow in deployment.shadows.values():
            if copies(shadow.weight, variant.weight, self._random.random()):
                task = asyncio.create_task(self._shadow(shadow, body, headers, seconds))
                self._copies.add(task)
                task.add_done_callback(self._copies.discard)

    async def _shadow(self, shadow: Variant, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
        with contextlib.suppress(ModelFailed, AwsError):
            await self.invoke(shadow, body, headers, seconds)

    async def close(self) -> None:
        """Ends the copies that are under way."""
        for task in list(self._copies):
            task.cancel()
        await asyncio.gather(*self._copies, return_exceptions=True)
