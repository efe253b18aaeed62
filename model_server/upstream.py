"""What the front hands requests to, and the answers that come back. Both servers look the same from here."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of the container."""

    status: int
    headers: Headers
    body: bytes

    @classmethod
    def error(cls, status: int, kind: str, message: str) -> Answer:
        """An error as TorchServe writes its own: pretty-printed JSON with code, type and message."""
        body = json.dumps({"code": status, "type": kind, "message": message}, indent=2) + "\n"
        return cls(status, [("Content-Type", "application/json")], body.encode())


class Upstream(Protocol):
    """A server of the model: started, opened once its workers hold the model, then asked."""

    async def start(self) -> None: ...

    async def ended(self) -> str:
        """Wait until it ends by itself; the reason as a sentence."""
        ...

    async def open(self) -> None: ...

    async def invoke(self, headers: Headers, body: bytes) -> Answer: ...

    async def stop(self) -> None: ...


def forwarded_request_headers(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that SageMaker hands to a container, in the spelling that it uses (handlers look them up by it).

    headers: raw, lower-case names, as ASGI has them.
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
