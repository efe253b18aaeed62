"""Says why requests of a run failed: a sentence for each cause, with what to do about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pyarrow as pa
import pyarrow.compute

from harness.load.answers import DROPPED, UNFINISHED

SHOWN = 3
"""Number of causes that are said; the report counts the rest."""
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
"""What to do, by the beginning of an error's code."""
_NAMES = {"function_name": "--function-name", "endpoint_name": "--endpoint-name"}
"""The options that name what is called, of the locustfiles that have them."""


def causes(requests: pa.Table, options: Collection[str] = ()) -> list[str]:
    """A sentence for each of the commonest causes, the commonest first.

    requests: as in ``Run.requests``. options: names of the options that the run's scenarios have.
    """
    failed = requests.filter(pa.compute.is_valid(requests["error"]))
    counts: dict[tuple[str, str], int] = {}
    messages: dict[tuple[str, str], str | None] = {}
    columns: Iterable[tuple[str, str, str | None]] = zip(
        *(failed[column].to_pylist() for column in ("name", "error", "message")), strict=True
    )
    for name, error, message in columns:
        if error in (UNFINISHED, DROPPED):
            continue
        counts[name, error] = counts.get((name, error), 0) + 1
        messages.setdefault((name, error), message)
    total = len(requests)
    commonest = sorted(counts, key=lambda cause: (-counts[cause], cause))[:SHOWN]
    return [_sentence(*cause, counts[cause], total, messages[cause], options) for cause in commonest]


def _sentence(name: str, error: str, count: int, total: int, message: str | None, options: Collection[str]) -> str:
    share = f"All {total:,} requests" if count == total else f"{count:,} of {total:,} requests"
    detail = f" ({message.rstrip('.')})" if message else ""
    advice = _advice(error, message or "", options)
    return f"{share} failed at {name} with {error}{detail}." + (f" {advice}" if advice else "")


def _advice(error: str, message: str, options: Collection[str]) -> str:
    advice = next((advice for code, advice in _ADVICE.items() if error.startswith(code)), "")
    missing = error.startswith("ResourceNotFound") or "not found" in message.lower()
    return advice or (_not_deployed(options) if missing else "")


def _not_deployed(options: Collection[str]) -> str:
    flags = [flag for option, flag in _NAMES.items() if option in options]
    return f"Deploy it, or name another with {' or '.join(flags)}." if flags else "Deploy it first."
