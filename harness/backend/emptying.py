"""How the backend is emptied: moto in this process by a call, moto's server and LocalStack by their own paths."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException

from harness.backend.client import Backend
from harness.core import tasks
from harness.core.errors import AwsError

_SECONDS = 5
# LocalStack stops and loads its services again.
_RESET_SECONDS = 60
# Where an emulator answers with JSON, and where it is emptied (moto's documentation, "Server Mode", Reset API;
# LocalStack's REST API of its state, which its own CLI and SDK call).
_EMULATORS = (("/_localstack/health", "/_localstack/state/reset"), ("/moto-api/config", "/moto-api/reset"))


async def way_to_empty(backend: Backend) -> Callable[[], None]:
    """A function that empties the backend. Nothing is emptied yet.

    Raises AwsError UnsupportedOperationException if nobody knows how.
    """
    if not isinstance(backend.at, str):
        return backend.at.reset
    url = backend.at
    for known, reset in _EMULATORS:
        if await tasks.in_thread(_answers_json, f"{url}{known}"):
            return lambda: _post(f"{url}{reset}")
    raise AwsError(
        "UnsupportedOperationException",
        f"The {backend.name} is neither LocalStack nor moto's server, so the harness does not know how to empty it. "
        "Nothing was emptied: restart the backend, then `harness down` and `harness up`.",
        400,
    )


def _answers_json(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_SECONDS) as answer:  # noqa: S310 - the URL that the user named
            return isinstance(json.loads(answer.read()), dict)
    except (OSError, HTTPException, ValueError):
        return False


def _post(url: str) -> None:
    """Raises AwsError if the emulator refuses."""
    try:
        with urllib.request.urlopen(url, b"", timeout=_RESET_SECONDS):  # noqa: S310
            return
    except (OSError, HTTPException) as error:
        raise AwsError("ServiceUnavailable", f"The backend was not emptied: {url} answered {error}.", 503) from None
