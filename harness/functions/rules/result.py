"""The result of one invocation: the payload and the error that Lambda answers with."""

from __future__ import annotations

import base64
import json
import signal
from dataclasses import dataclass

RESPONSE_LIMIT = 6_291_556  # bytes of a RequestResponse answer (AWS's own error names it)
TIMEOUT_STATUS = "Status: timeout"
RESPONSE_TOO_LARGE = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."


def trace_header(now: float, trace: str, parent: str) -> str:
    """An X-Ray trace header that is not sampled. trace: 24 hex digits, parent: 16."""
    return f"Root=1-{int(now):08x}-{trace};Parent={parent};Sampled=0"


@dataclass(frozen=True, slots=True)
class Invocation:
    """One event on its way to a handler.

    arn: the function as the caller named it. client_context: JSON, already decoded. synchronous: only then is the
    response's size limited.
    """

    request_id: str
    arn: str
    payload: bytes
    client_context: str | None = None
    synchronous: bool = True


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What Lambda answers.

    error_type: None for a handler that returned. status: REPORT's own words for an invocation that failed.
    duration: milliseconds, as in REPORT. timed_out: whether the function's timeout ended it.
    """

    payload: bytes
    error_type: str | None = None
    status: str | None = None
    log_tail: bytes = b""
    duration: float = 0.0
    timed_out: bool = False

    @property
    def log_result(self) -> str:
        return base64.b64encode(self.log_tail).decode()


def timed_out(request_id: str, seconds: float) -> InvocationResult:
    return _platform_error(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds",
        TIMEOUT_STATUS,
        timed_out=True,
    )


def exited(request_id: str, reason: str, *, out_of_memory: bool = False) -> InvocationResult:
    """The runtime's process ended before it answered. reason: see exit_reason()."""
    kind = "Runtime.OutOfMemory" if out_of_memory else "Runtime.ExitError"  # REPORT's own word, in public logs
    return _platform_error(
        "Runtime.ExitError", f"RequestId: {request_id} Error: {reason}", f"Status: error\tError Type: {kind}"
    )


def too_large() -> InvocationResult:
    payload = {"errorMessage": RESPONSE_TOO_LARGE, "errorType": "Function.ResponseSizeTooLarge"}
    status = "Status: error\tError Type: Function.ResponseSizeTooLarge"
    return InvocationResult(json.dumps(payload).encode(), "Function.ResponseSizeTooLarge", status)


def raised(payload: bytes, error_type: str) -> InvocationResult:
    """The handler raised: the runtime's own body, and nothing of it in REPORT."""
    return InvocationResult(payload, error_type)


def init_failed(payload: bytes, error_type: str) -> InvocationResult:
    """The module could not be loaded: the body that the runtime posted to /runtime/init/error."""
    return InvocationResult(payload, error_type, f"Status: error\tError Type: {error_type}")


def exit_reason(returncode: int) -> str:
    """Popen's return code in the words of Lambda's supervisor; an exit with 0 has none."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    return f"Runtime exited with error: signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"


def _platform_error(error_type: str, message: str, status: str, *, timed_out: bool = False) -> InvocationResult:
    body = json.dumps({"errorType": error_type, "errorMessage": message}, separators=(",", ":")).encode()
    return InvocationResult(body, error_type, status, timed_out=timed_out)
