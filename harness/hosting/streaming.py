"""A container's answer passed on while it comes, for InvokeEndpointWithResponseStream."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Mapping

from harness.core.errors import AwsError
from harness.hosting.deployment import Variant
from harness.hosting.instances.base import InvocationFailed, StreamedAnswer
from harness.hosting.invocation import Invoker, ModelFailed, reason


@contextlib.asynccontextmanager
async def stream(
    invoker: Invoker, variant: Variant, body: bytes, headers: Mapping[str, str], seconds: float
) -> AsyncIterator[StreamedAnswer]:
    """The answer's head, and its parts while they come, all within ``seconds``.

    Raises ModelFailed where there is no answer or no success, AwsError ServiceUnavailable where no instance is in
    service; the parts raise AwsError ModelStreamError where the answer breaks off.
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
        raise _broken("ModelInvocationTimeExceeded", "The model did not finish its response in time.") from None
    except InvocationFailed as error:
        raise _broken("StreamBroken", str(error)) from None


def _broken(code: str, message: str) -> AwsError:
    # ErrorCode is botocore's, ModelStreamError; the messages are ours.
    return AwsError("ModelStreamError", message, 400, fields={"ErrorCode": code})
