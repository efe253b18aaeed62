"""The two kinds of errors: a sentence for the person at the terminal, and an AWS error for a client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The most characters of a text that an error quotes.
_QUOTED = 80


def shown(text: str) -> str:
    """A text as an error quotes it: on one line, and only the beginning of a long one."""
    return repr(text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…")


def reason(error: Exception) -> str:
    """What an exception says, as the end of a sentence: on one line, with neither errno nor full stop."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split()).rstrip(".")


class HarnessError(Exception):
    """An error that the user can fix. Its text is one sentence that says how; it is printed without a traceback."""


class AwsError(Exception):
    """An error that an AWS API answers with. The gateway writes it in the shape of the caller's protocol.

    code: AWS's error code, such as ``ValidationException``.
    message: the text under ``message``.
    status: HTTP status; below 500 the sender is at fault.
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
