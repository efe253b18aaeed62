"""Lambda's own part, from what its log says."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest

from harness.core.errors import HarnessError
from harness.measure.function import Execution, execute, part_of

REPORT = (
    "START RequestId: 1 Version: $LATEST\n"
    "REPORT RequestId: 1\tDuration: 1034.92 ms\tBilled Duration: 1379 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 67 MB\tInit Duration: 343.88 ms\t\n"
)


class Client:
    def __init__(self, log: str = REPORT, **answer: Any) -> None:
        self._answer = {"LogResult": base64.b64encode(log.encode()).decode(), "Payload": io.BytesIO(b"{}"), **answer}

    def invoke(self, **request: Any) -> dict[str, Any]:
        assert request["LogType"] == "Tail"
        return self._answer


def test_an_execution_is_what_its_report_says() -> None:
    assert execute(Client(), "f", b"{}") == Execution(1.03492, 0.34388, 67.0)


@pytest.mark.parametrize(
    ("client", "says"),
    [
        (
            Client(FunctionError="Unhandled", Payload=io.BytesIO(b'{"errorMessage": "no dog"}')),
            r"failed on the stack's event \(Unhandled\): .*no dog",
        ),
        (Client(log="nothing of it"), "has no REPORT line"),
    ],
)
def test_a_failed_execution_is_not_measured(client: Client, says: str) -> None:
    with pytest.raises(HarnessError, match=says):
        execute(client, "f", b"{}")


def test_the_cold_start_is_the_median_of_those_seen_and_the_memory_the_most() -> None:
    executions = [Execution(0.1, 0.3, 60), Execution(0.1, 0.5, 67), Execution(0.1, 0.4, 61), Execution(0.1, None, None)]
    part = part_of(executions, 0.004)
    assert part is not None
    assert (part.overhead, part.cold_start, part.memory) == (0.004, 0.4, 67)


def test_an_unseen_cold_start_is_none_and_so_is_a_function_that_does_not_wait() -> None:
    warm = [Execution(0.1, None, 60)]
    part = part_of(warm, 0.004)
    assert part is not None
    assert part.cold_start is None
    assert part_of(warm, -0.001) is None
