"""Writes what the containers of an endpoint print to its CloudWatch log group (SM guide, logging-cloudwatch)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from harness.backend.client import Backend
from harness.backend.logs import CloudWatchLogs
from harness.core import tasks


def log_group(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def new_instance_id() -> str:
    """An instance id like EC2's: ``i-`` and 17 hexadecimal digits."""
    return f"i-{secrets.token_hex(9)[:17]}"


class EndpointLogs:
    """Writes to the log groups of all endpoints, each in its endpoint's region."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._writers: dict[str, CloudWatchLogs] = {}

    def stream(self, region: str, endpoint: str, variant: str) -> Callable[[str], None]:
        """A function that takes a new instance's lines, into a stream ``VARIANT/INSTANCE_ID`` of its own."""
        stream = (log_group(endpoint), f"{variant}/{new_instance_id()}")

        def put(line: str) -> None:
            if line:  # an event has at least one character (CloudWatch Logs, InputLogEvent)
                self._writer(region).put(stream, line)

        return put

    def _writer(self, region: str) -> CloudWatchLogs:
        if region not in self._writers:
            self._writers[region] = CloudWatchLogs(self._backend.in_region(region))
        return self._writers[region]

    async def flush(self) -> None:
        """Writes everything that is queued now."""
        await tasks.settle("writing an endpoint's log", *(writer.flush() for writer in self._writers.values()))

    async def close(self) -> None:
        await tasks.settle("writing an endpoint's log", *(writer.close() for writer in self._writers.values()))
