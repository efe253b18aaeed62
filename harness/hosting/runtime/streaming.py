"""Passes a container's answer on while it comes, for InvokeEndpointWithResponseStream."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping

from harness.hosting import errors
from harness.hosting.deployment import Variant
from harness.hosting.instances.base import InvocationFailed, StreamedAnswer
from harness.hosting.runtime.invocation import ModelFailed, VariantInvoker, reason


@contextlib.asynccontextmanager
async def stream(
    invoker: VariantInvoker, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
) -> AsyncIterator[StreamedAnswer]:
    """The answer's head, and its parts as they come, all within ``seconds``.

    Raises ModelFailed if the answer does not come or is not a success, and AwsError ServiceUnavailable if no instance
    is in service. The parts raise AwsError ModelStreamError if the answer breaks off.
    """
    arrived = time.perf_counter()
    variant.telemetry.arrived()
    with variant.fleet.instance() as (_, instance):
        sent = time.perf_counter()
        status = 0
        try:
            async with instance.stream(body, headers, seconds) as answer:
                if not 200 <= answer.status < 300:
                    status = answer.status
                    text = b"".join([part async for part in answer.parts]).decode("utf-8", "replace")
                    raise ModelFailed(status, text)
                yield StreamedAnswer(answer.status, answer.headers, _parts(answer.parts))
                status = answer.status
        except (TimeoutError, InvocationFailed) as error:
            raise ModelFailed(0, reason(error)) from None
        finally:
            invoker.finished(variant, status, arrived, sent, time.perf_counter())


async def _parts(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        async for part in parts:
            if part:
                yield part
    except TimeoutError:
        raise errors.stream_error(*errors.STREAM_LATE) from None
    except InvocationFailed as error:
        raise errors.stream_error(errors.STREAM_BROKEN, str(error)) from None
