"""The two kinds of error: a sentence for the person at the terminal, and AWS's own error for a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Characters of a text that an error quotes.
_SHOWN = 80


def shown(text: str) -> str:
    """A text of somebody else's as an error quotes it: on one line, and of a long one the beginning."""
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…")


class HarnessError(Exception):
    """Something the user can mend: ``str(error)`` is one sentence that says what to do, printed without a traceback."""


class AwsError(Exception):
    """An error that an AWS API answers with; the gateway writes it in the shape of the caller's protocol.

    code: AWS's error code, such as ``ValidationException``.
    message: the text under ``message``.
    status: HTTP status; below 500 the fault is the sender's.
    fields: further members of the error shape, by their botocore names (``{"OriginalStatusCode": 500}``).
    headers: further HTTP response headers (``{"Retry-After": "1"}``).
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        fields: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = dict(fields or {})
        self.headers = dict(headers or {})
