"""What an AWS answer says beside its body: the error's code, a cold start, Lambda's own time, the variant."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["lambda", "endpoint", "function-url"]
Header = Callable[[str], str | None]
"""Looks a header up by its name in any case; None if there is no such header."""

UNFINISHED = "Unfinished"
"""The error code of a request that the end of the run cut off: neither success nor error, its time a lower bound."""
DROPPED = "Dropped"
"""The error code of an arrival that was never sent, because as many requests as allowed were under way."""
MESSAGE_LIMIT = 300
_REPORT = re.compile(rb"^REPORT RequestId: \S+\s+Duration: ([\d.]+) ms(.*)$", re.MULTILINE)
_INIT = re.compile(rb"\tInit Duration: ([\d.]+) ms")


@dataclass(frozen=True, slots=True)
class Observation:
    """What the run store keeps of one request beside its times.

    kind: ``lambda``, ``endpoint``, ``function-url``, or the request type of one of locust's own users.
    status: HTTP status; None if no answer came.
    error: None for a success. Otherwise AWS's code, with the throttle's reason or the container's status in brackets
        (``TooManyRequestsException(CallerRateLimitExceeded)``, ``ModelError(500)``); ``FunctionError:Unhandled``; or
        what went wrong with the connection (``Connection:reset``).
    message: the error's text, cut at 300 characters.
    cold_init: seconds of Init Duration; None if the environment was warm, or nobody knows.
    function_seconds: Lambda's own Duration; None if the answer does not say it.
    variant: X-Amzn-Invoked-Production-Variant.
    instance: number of the variant's instance that answered; only the harness tells it (X-Harness-Instance).
    """

    kind: str
    status: int | None = None
    error: str | None = None
    message: str | None = None
    request_bytes: int = 0
    response_bytes: int = 0
    cold_init: float | None = None
    function_seconds: float | None = None
    variant: str | None = None
    instance: int | None = None


def observe(kind: Kind, status: int, header: Header, body: bytes, request_bytes: int) -> Observation:
    """Read an answer of Lambda's Invoke or of SageMaker's InvokeEndpoint."""
    error, message = _error(status, header, body)
    log = header("X-Amz-Log-Result") if kind == "lambda" else None
    duration, init = report_times(log) if log else (None, None)
    return Observation(
        kind=kind,
        status=status,
        error=error,
        message=message,
        request_bytes=request_bytes,
        response_bytes=len(body),
        cold_init=init,
        function_seconds=duration,
        variant=header("x-Amzn-Invoked-Production-Variant") if kind == "endpoint" else None,
        instance=instance_of(header) if kind == "endpoint" else None,
    )


def instance_of(header: Header) -> int | None:
    """The number in X-Harness-Instance; None if the header is missing or holds no number."""
    number = header("X-Harness-Instance")
    return int(number) if number is not None and number.isdecimal() else None


def function_error(name: str) -> str:
    """The error code of a function that failed. name: what X-Amz-Function-Error says."""
    return f"FunctionError:{name}"


def error_code(code: str, members: Mapping[str, Any]) -> str:
    """AWS's code with its detail in brackets: a throttle's reason, or the container's status."""
    detail = members.get("Reason") if code == "TooManyRequestsException" else members.get("OriginalStatusCode")
    return f"{code}({detail})" if detail is not None else code


def report_times(log_result: str) -> tuple[float | None, float | None]:
    """Duration and Init Duration in seconds, from the REPORT line of a log tail (base64, LogType=Tail).

    Source: the REPORT line as Lambda writes it, fields separated by tabs.
    """
    try:
        log = base64.b64decode(log_result, validate=True)
    except (binascii.Error, ValueError):
        return None, None
    lines = _REPORT.findall(log)
    if not lines:
        return None, None
    # The platform writes its line last; an earlier one is the function's own output.
    duration, rest = lines[-1]
    init = _INIT.search(rest)
    return _seconds(duration), _seconds(init[1]) if init else None


def _seconds(milliseconds: bytes) -> float | None:
    try:
        return float(milliseconds) / 1000
    except ValueError:
        return None


def _error(status: int, header: Header, body: bytes) -> tuple[str | None, str | None]:
    failed = header("X-Amz-Function-Error")
    if failed:
        return function_error(failed), _short(_members(body).get("errorMessage"))
    if status < 400:
        return None, None
    members = _members(body)
    # The order in which botocore's REST-JSON parser looks for the code.
    code = header("x-amzn-errortype") or members.get("code") or members.get("Code") or members.get("__type")
    code = str(code).split(":", 1)[0].rsplit("#", 1)[-1] if code else f"HTTP {status}"
    return error_code(code, members), _short(members.get("message") or members.get("Message"))


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _short(text: object) -> str | None:
    if text is None:
        return None
    line = " ".join(str(text).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"
