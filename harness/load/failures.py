"""Why requests of a run failed, a sentence a cause, with what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute

from harness.load.answers import DROPPED, UNFINISHED

SHOWN = 3
"""Causes that are said; the rest is counted in the report."""
_UNKNOWN_KEY = (
    "The credentials are not known there: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, here to those that "
    "`harness up` prints."
)
_HANGS_UP = "The server hangs up in the middle: see its log (`harness up --foreground`)."
_ADVICE = {
    "Connection:refused": "Nothing listens there: bring the local AWS up (`harness up`), or name another --host.",
    "Connection:reset": _HANGS_UP,
    "Connection:broken answer": _HANGS_UP,
    "Connection:timeout": "The server takes the connection and does not answer: see its log.",
    "UnrecognizedClient": _UNKNOWN_KEY,
    "InvalidClientTokenId": _UNKNOWN_KEY,
    "InvalidSignature": _UNKNOWN_KEY,
    "SignatureDoesNotMatch": _UNKNOWN_KEY,
    "IncompleteSignature": _UNKNOWN_KEY,
    "MissingAuthenticationToken": _UNKNOWN_KEY,
    "ExpiredToken": _UNKNOWN_KEY,
    "AccessDenied": "The caller's policies do not allow it.",
}
"""By the beginning of an error's code."""
_NOT_THERE = "Deploy it, or name another with --function-name or --endpoint-name."


def causes(requests: pa.Table) -> list[str]:
    """The commonest causes first. requests: of a run (runs.SCHEMA), with words as strings."""
    failed = requests.filter(pa.compute.is_valid(requests["error"]))
    counted: dict[tuple[str, str], int] = {}
    messages: dict[tuple[str, str], str | None] = {}
    columns: Iterable[tuple[str, str, str | None]] = zip(
        *(failed[column].to_pylist() for column in ("name", "error", "message")), strict=True
    )
    for name, error, message in columns:
        if error in (UNFINISHED, DROPPED):
            continue
        counted[name, error] = counted.get((name, error), 0) + 1
        messages.setdefault((name, error), message)
    total = len(requests)
    common = sorted(counted, key=lambda cause: (-counted[cause], cause))
    return [_sentence(*cause, counted[cause], total, messages[cause]) for cause in common[:SHOWN]]


def _sentence(name: str, error: str, count: int, total: int, message: str | None) -> str:
    share = f"All {total:,} requests" if count == total else f"{count:,} of {total:,} requests"
    said = f" ({message})" if message else ""
    advice = _advice(error, message or "")
    return f"{share} failed at {name} with {error}{said}." + (f" {advice}" if advice else "")


def _advice(error: str, message: str) -> str:
    found = next((advice for code, advice in _ADVICE.items() if error.startswith(code)), "")
    not_there = error.startswith("ResourceNotFound") or "not found" in message.lower()
    return found or (_NOT_THERE if not_there else "")
