"""One InvokeEndpointAsync, and where its answer goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Default of RequestTTLSeconds (botocore, InvokeEndpointAsyncInput).
TTL_SECONDS = 21_600


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """A request in the queue of its endpoint.

    received: Unix seconds of the clock. input, output, failure: s3:// URLs. body: the payload if there is no input.
    ttl: seconds that it may wait in the queue. seconds: what the container has to answer.
    """

    inference_id: str
    received: float
    headers: Mapping[str, str]
    input: str | None
    body: bytes
    output: str
    failure: str | None
    ttl: float
    seconds: float


def locations(config: Mapping[str, Any], name: str, extension: str | None) -> tuple[str, str | None]:
    """OutputLocation and FailureLocation of a request.

    config: OutputConfig; name: the output file's name; extension: S3OutputPathExtension. The failure file's name is
    like AWS's.
    """
    middle = f"{extension.strip('/')}/" if extension else ""
    failure = config.get("S3FailurePath")
    stem = name.removesuffix(".out")
    return (
        f"{config['S3OutputPath'].rstrip('/')}/{middle}{name}",
        f"{failure.rstrip('/')}/{middle}{stem}-error.out" if failure else None,
    )
