"""The lines that Lambda itself writes to the log of a function.

Formats as recorded from AWS (LocalStack's validated snapshots; public logs for Status, INIT_REPORT and the timeout).
Durations are in milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal


@dataclass(frozen=True, slots=True)
class Report:
    """The REPORT line of one invocation.

    init: duration of a cold start's initialization, billed since 2025-08-01 (Lambda guide). memory_size and
    memory_used: MB.
    """

    request_id: str
    duration: float
    memory_size: int
    memory_used: int
    init: float | None = None
    status: str | None = None

    @property
    def billed(self) -> int:
        """The sum of init and duration, rounded up to a whole millisecond."""
        return math.ceil(round(self.duration + (self.init or 0.0), 2))

    def line(self) -> str:
        init = "" if self.init is None else f"Init Duration: {self.init:.2f} ms\t"
        status = "" if self.status is None else f"{self.status}\t"
        return (
            f"REPORT RequestId: {self.request_id}\tDuration: {self.duration:.2f} ms\t"
            f"Billed Duration: {self.billed} ms\tMemory Size: {self.memory_size} MB\t"
            f"Max Memory Used: {self.memory_used} MB\t{init}{status}\n"
        )


def start(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}\n"


def end(request_id: str) -> str:
    return f"END RequestId: {request_id}\n"


def init_report(duration: float, phase: Literal["init", "invoke"], status: str) -> str:
    """The line for an initialization that failed or took too long. Lambda repeats it inside the invocation."""
    return f"INIT_REPORT Init Duration: {duration:.2f} ms\tPhase: {phase}\t{status}\n"


def timed_out(request_id: str, seconds: float, now: float) -> str:
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return f"{stamp}Z {request_id} Task timed out after {seconds:.2f} seconds\n\n"


def exited(request_id: str, reason: str) -> str:
    return f"RequestId: {request_id} Error: {reason}\nRuntime.ExitError\n"


def stream_name(version: str, identity: str, now: float) -> str:
    """Name of an execution environment's log stream. identity: 32 hex digits."""
    return f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[{version}]{identity}"
