"""One InvokeEndpointAsync, and where its answer goes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Default of RequestTTLSeconds (botocore, InvokeEndpointAsyncInput).
TTL_SECONDS = 21_600


@dataclass(frozen=True, slots=True)
class AsyncRequest:
    """received: Unix seconds of the clock; input, output, failure: s3:// URLs; body: where there is no input."""

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

    config: OutputConfig; name: the file's; extension: S3OutputPathExtension. The failure's name is AWS's in kind.
    """
    middle = f"{extension.strip('/')}/" if extension else ""
    failure = config.get("S3FailurePath")
    stem = name.removesuffix(".out")
    return (
        f"{config['S3OutputPath'].rstrip('/')}/{middle}{name}",
        f"{failure.rstrip('/')}/{middle}{stem}-error.out" if failure else None,
    )
