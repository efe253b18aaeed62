"""What becomes of one invocation: the payload and the error that Lambda answers with. Pure."""

from __future__ import annotations

import base64
import json
import secrets
import signal
from dataclasses import dataclass, field

RESPONSE_LIMIT = 6_291_556  # bytes of a RequestResponse answer (AWS's own error names it)
RESPONSE_TOO_LARGE = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."


def trace_id(now: float) -> str:
    """An X-Ray trace header that is not sampled."""
    return f"Root=1-{int(now):08x}-{secrets.token_hex(12)};Parent={secrets.token_hex(8)};Sampled=0"


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
    trace: str = field(default="")


@dataclass(frozen=True, slots=True)
class Outcome:
    """error_type: None for a handler that returned. status: what REPORT says of it, where it says anything.

    duration: milliseconds, as REPORT has it.
    """

    payload: bytes
    error_type: str | None = None
    status: str | None = None
    log_tail: bytes = b""
    duration: float = 0.0

    @property
    def log_result(self) -> str:
        return base64.b64encode(self.log_tail).decode()


def timed_out(request_id: str, seconds: float) -> Outcome:
    return _platform_error(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds",
        "Status: timeout",
    )


def exited(request_id: str, reason: str, *, out_of_memory: bool = False) -> Outcome:
    """The runtime's process ended before it answered. reason: see exit_reason()."""
    kind = "Runtime.OutOfMemory" if out_of_memory else "Runtime.ExitError"  # REPORT's own word, in public logs
    return _platform_error(
        "Runtime.ExitError", f"RequestId: {request_id} Error: {reason}", f"Status: error\tError Type: {kind}"
    )


def too_large() -> Outcome:
    payload = {"errorMessage": RESPONSE_TOO_LARGE, "errorType": "Function.ResponseSizeTooLarge"}
    status = "Status: error\tError Type: Function.ResponseSizeTooLarge"
    return Outcome(json.dumps(payload).encode(), "Function.ResponseSizeTooLarge", status)


def raised(payload: bytes, error_type: str) -> Outcome:
    """The handler raised: the runtime's own body, and nothing of it in REPORT."""
    return Outcome(payload, error_type)


def init_failed(payload: bytes, error_type: str) -> Outcome:
    """The module could not be loaded: the body that the runtime posted to /runtime/init/error."""
    return Outcome(payload, error_type, f"Status: error\tError Type: {error_type}")


def exit_reason(returncode: int) -> str:
    """Popen's return code in the words of Lambda's supervisor; an exit with 0 has none."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    return f"Runtime exited with error: signal: {(signal.strsignal(-returncode) or str(-returncode)).lower()}"


def _platform_error(error_type: str, message: str, status: str) -> Outcome:
    payload = {"errorType": error_type, "errorMessage": message}
    return Outcome(json.dumps(payload, separators=(",", ":")).encode(), error_type, status)
