"""What the front end hands requests to, and the answers that come back: one interface for both servers."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The container's answer to a request."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def error(cls, status: int, kind: str, message: str) -> HttpAnswer:
        """An error as TorchServe writes it: pretty-printed JSON with code, type and message."""
        body = json.dumps({"code": status, "type": kind, "message": message}, indent=2) + "\n"
        return cls(status, [("Content-Type", "application/json")], body.encode())


class Upstream(Protocol):
    """A server of the model. It is started, opened when its workers hold the model, and then asked."""

    async def start(self) -> None: ...

    async def ended(self) -> str:
        """Waits until the server ends by itself. Returns the reason as a sentence."""
        ...

    async def open(self) -> None: ...

    async def ping(self) -> None:
        """Returns when the server shows that it does not hang; not within the time that a ping has, if it does."""
        ...

    async def invoke(self, headers: Headers, body: bytes) -> HttpAnswer: ...

    async def stop(self) -> None: ...


def forwarded_request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that SageMaker passes to a container, in its spelling, by which handlers look them up.

    headers: as in ASGI, with names in lower case.
    """
    return [
        (_canonical(name.decode("latin-1")), value.decode("latin-1"))
        for name, value in headers
        if name in (b"content-type", b"accept") or name.startswith(b"x-amzn-sagemaker-")
    ]


def forwarded_answer_headers(headers: Iterable[tuple[str, str]]) -> Headers:
    """The headers of a container's answer that reach the client."""
    return [
        (name, value) for name, value in headers if name.lower() == "content-type" or name.lower().startswith("x-amzn-")
    ]


def _canonical(name: str) -> str:
    return "-".join("SageMaker" if part == "sagemaker" else part.capitalize() for part in name.split("-"))
