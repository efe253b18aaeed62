"""Sends one request to a variant: chooses the variant and the instance, and records the request's metrics."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Mapping

from harness.core import tasks
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.hosting import errors
from harness.hosting.deployment import Deployment, Variant
from harness.hosting.instances.base import Answer, AnswerTooLarge, InvocationFailed, MalformedAnswer
from harness.hosting.rules.routing import choose_by_weight, copies


class ModelFailed(Exception):
    """The container did not answer with a success.

    status: the answer's HTTP status, 0 if there was no answer. text: the answer's body, or why there was no answer.
    instance: the number of the instance that was asked, if known.
    """

    def __init__(self, status: int, text: str, instance: int | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.instance = instance


def reason(error: Exception) -> str:
    """Why an instance gave no answer, as OriginalMessage tells it."""
    if isinstance(error, TimeoutError):
        return errors.TIMED_OUT
    if isinstance(error, AnswerTooLarge):
        return errors.ANSWER_TOO_LARGE
    return errors.MALFORMED if isinstance(error, MalformedAnswer) else errors.EXITED


class VariantInvoker:
    """Sends requests to variants. Latencies are wall-clock time at any speed of the clock, like service times."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._random = random.Random()  # noqa: S311 - routing, not cryptography
        self._copies: set[asyncio.Task[None]] = set()

    def choose(self, deployment: Deployment, target: str | None) -> Variant:
        """The variant named ``target``, or one by weight. Raises AwsError ValidationError for an unknown name."""
        if target is not None:
            if target not in deployment.variants:
                raise errors.invalid_invocation(errors.VARIANT_NOT_FOUND.format(target, deployment.endpoint))
            return deployment.variants[target]
        variants = list(deployment.variants.values())
        if len(variants) == 1:
            return variants[0]
        return variants[choose_by_weight([variant.weight for variant in variants], self._random.random())]

    async def invoke(
        self, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> tuple[Answer, int]:
        """The container's successful answer, and the number of the instance that gave it.

        Raises ModelFailed if the answer is not a success or did not come within ``seconds``, and AwsError
        ServiceUnavailable if no instance is in service.
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
            answered = time.perf_counter()
        self.finished(variant, answer.status, arrived, sent, answered)
        if not 200 <= answer.status < 300:
            raise ModelFailed(answer.status, answer.body.decode("utf-8", "replace"), number)
        return answer, number

    def finished(self, variant: Variant, status: int, arrived: float, sent: float, answered: float) -> None:
        """Records a request by the times, of time.perf_counter(), at which it arrived, was sent and was answered."""
        model_seconds = answered - sent
        variant.telemetry.answered(status, model_seconds, time.perf_counter() - arrived - model_seconds)

    def copy(
        self, deployment: Deployment, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
    ) -> None:
        """Sends a copy to each shadow variant, by its weight. The answer is dropped; the metrics are recorded."""
        for shadow in deployment.shadows.values():
            if copies(shadow.weight, variant.weight, self._random.random()):
                task = tasks.start(self._shadow(shadow, body, headers, seconds), "a copy for a shadow variant")
                self._copies.add(task)
                task.add_done_callback(self._copies.discard)

    async def _shadow(self, shadow: Variant, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
        with contextlib.suppress(ModelFailed, AwsError):
            await self.invoke(shadow, body, headers, seconds)

    async def close(self) -> None:
        """Cancels the copies that are under way."""
        await tasks.stop(*self._copies)
