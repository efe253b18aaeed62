"""The worker's end of its link to the launcher.

Each event is a line of JSON, and the end of the link means that the worker has ended.
"""

from __future__ import annotations

import json
import os
import socket
import traceback
from typing import Any

LINK_ENV = "MODEL_SERVER_LINK"

_LONGEST_SUMMARY = 1_000  # A state_dict that does not fit names every key.
_LONGEST_TRACEBACK = 50_000

_link: socket.socket | None = None


def connect() -> None:
    """Opens the link that the environment names. Raises OSError if the launcher has ended."""
    global _link  # noqa: PLW0603 - one process is one worker
    _link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    _link.connect(os.environ.pop(LINK_ENV))
    _report(event="started", pid=os.getpid())


def loaded() -> None:
    """Reports that the model is loaded."""
    _report(event="loaded")


def failed(error: BaseException) -> None:
    """Reports that the model cannot be loaded, and that trying again would not help."""
    summary = " ".join(f"{type(error).__name__}: {error}".split())
    lines = "".join(traceback.format_exception(error))
    if len(lines) > _LONGEST_TRACEBACK:
        lines = f"{lines[: _LONGEST_TRACEBACK // 2]}\n...\n{lines[-_LONGEST_TRACEBACK // 2 :]}"
    _report(event="failed", error=summary[:_LONGEST_SUMMARY], traceback=lines)


def _report(**event: Any) -> None:
    if _link is not None:
        _link.sendall(json.dumps(event).encode() + b"\n")
