"""The response that a user's call returns, and how locust and the run recorder are told of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from locust import User

from harness.load.answers import UNFINISHED, Header, Kind, Observation

unfinished_listeners: list[Callable[[str, float, float | None, float, Observation], None]] = []
"""Called for a request that the end of the test cut off: name, start (Unix s), s late, s so far, observation.

Such a request is neither a success nor an error, so locust's own statistics do not count it."""


class AwsFailure(Exception):
    """An AWS error as locust groups and shows it: by its code, without the ids that make every message differ."""

    def __init__(self, observation: Observation) -> None:
        super().__init__(observation.error)
        self.observation = observation

    def __repr__(self) -> str:
        return str(self.observation.error)


class AwsResponse:
    """What came back: ``status`` (None without an answer), ``header(name)``, ``body``, ``observation``."""

    __slots__ = ("body", "header", "observation")

    def __init__(self, header: Header, body: bytes, observation: Observation) -> None:
        self.header = header
        self.body = body
        self.observation = observation

    @property
    def status(self) -> int | None:
        return self.observation.status

    @property
    def ok(self) -> bool:
        return self.observation.error is None


def no_response(observation: Observation) -> AwsResponse:
    """The response of a request whose connection failed."""
    return AwsResponse(lambda _: None, b"", observation)


def fire_request(
    user: User, name: str, response: AwsResponse, *, start_time: float, late: float | None, service: float, url: str
) -> None:
    """Fire locust's request event. Its response time counts from the intended start, if there is one.

    start_time: Unix seconds at sending. late: seconds from the intended start to the sending. service: seconds from the
    sending to the last byte.
    """
    observation = response.observation
    hooks: Any = user.environment.events
    hooks.request.fire(
        request_type=observation.kind,
        name=name,
        response_time=((late or 0.0) + service) * 1000,
        response_length=observation.response_bytes,
        response=response,
        context={**user.context(), "observation": observation, "late": late, "service": service},
        exception=AwsFailure(observation) if observation.error else None,
        start_time=start_time,
        url=url,
    )


def note_unfinished(
    kind: Kind, name: str, *, start_time: float, late: float | None, elapsed: float, request_bytes: int
) -> None:
    """Tell the listeners of a request that the end of the test cut off. Times as in ``fire_request``."""
    observation = Observation(kind, error=UNFINISHED, request_bytes=request_bytes)
    for listener in unfinished_listeners:
        listener(name, start_time, late, elapsed, observation)
