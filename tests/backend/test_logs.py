"""Log lines in the backend's CloudWatch Logs, batched."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from harness.backend import logs
from harness.backend.client import Backend
from harness.backend.logs import CloudWatchLogs
from tests.support import Aws


@pytest.fixture
def backend(aws: Aws) -> Backend:
    return aws.local.backend


async def test_a_log_group_that_somebody_deletes_comes_back(backend: Backend) -> None:
    writer = CloudWatchLogs(backend)
    for text in ("one", "two"):
        writer.put(("/aws/lambda/deleted", "stream"), text)
        await writer.flush()
        if text == "one":
            await backend.call("logs", "delete_log_group", logGroupName="/aws/lambda/deleted")
    answer = await backend.call("logs", "get_log_events", logGroupName="/aws/lambda/deleted", logStreamName="stream")
    assert [event["message"] for event in answer["events"]] == ["two"]
    await writer.close()


class Recorder:
    """A backend that takes batches, or none."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.batches: list[list[dict[str, Any]]] = []

    def now(self) -> float:
        return 1_700_000_000.0

    async def call(self, _service: str, method: str, /, **parameters: Any) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        if method == "put_log_events":
            self.batches.append(parameters["logEvents"])
        return {}


async def test_batches_keep_the_limits_of_put_log_events() -> None:
    recorder = Recorder()
    writer = CloudWatchLogs(recorder)  # type: ignore[arg-type]
    for _ in range(10_500):
        writer.put(("group", "stream"), "x")
    for _ in range(5):
        writer.put(("group", "stream"), "y" * 262_144)
    await writer.close()
    assert [len(batch) for batch in recorder.batches] == [10_000, 503, 2]
    for batch in recorder.batches:
        assert sum(len(event["message"]) + 26 for event in batch) <= 1_048_576


async def test_what_is_too_much_is_counted_and_said() -> None:
    recorder = Recorder()
    writer = CloudWatchLogs(recorder)  # type: ignore[arg-type]
    for _ in range(20):
        writer.put(("group", "stream"), "y" * 262_144)
    await writer.close()
    events = [event["message"] for batch in recorder.batches for event in batch]
    assert events[-1] == "harness: 5 log lines were dropped, there were too many"
    assert len(events) == 16


async def test_a_backend_that_does_not_answer_costs_lines_and_nothing_else() -> None:
    writer = CloudWatchLogs(Recorder(EndpointConnectionError(endpoint_url="http://gone")))  # type: ignore[arg-type]
    writer.put(("group", "stream"), "lost")
    await writer.flush()
    await writer.close()
    assert not writer._pending


@pytest.mark.parametrize("sizes", [[], [1], [2_000_000, 1], [600_000, 600_000]])
def test_every_event_is_in_one_batch_and_in_order(sizes: list[int]) -> None:
    events = deque((number, "x" * size) for number, size in enumerate(sizes))
    batched = []
    while batch := logs._batch(events):
        batched += batch
    assert [number for number, _ in batched] == list(range(len(sizes)))
