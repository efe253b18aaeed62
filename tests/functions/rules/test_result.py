import json
import re

import pytest

from harness.functions.rules import result


@pytest.mark.parametrize(
    ("returncode", "reason"),
    [
        (0, "Runtime exited without providing a reason"),
        (1, "Runtime exited with error: exit status 1"),
        (-9, "Runtime exited with error: signal: killed"),
        (-11, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_how_the_runtime_ended_in_the_supervisors_words(returncode: int, reason: str) -> None:
    assert result.exit_reason(returncode) == reason


def test_payloads_of_lambdas_own_errors() -> None:
    assert result.timed_out("ID", 1).payload == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: ID Error: Task timed out after 1.00 seconds"}'
    )
    assert json.loads(result.too_large().payload) == {
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }


def test_out_of_memory_is_an_exit_error_to_the_caller_and_named_in_the_report() -> None:
    killed = result.exited("ID", result.exit_reason(-9), out_of_memory=True)
    assert json.loads(killed.payload)["errorType"] == "Runtime.ExitError"
    assert killed.status == "Status: error\tError Type: Runtime.OutOfMemory"


def test_trace_header() -> None:
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0", result.trace_header(1.7e9, "a" * 24, "b" * 16)
    )
