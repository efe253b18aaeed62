"""How a user tells locust, and whoever records the run, what came of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from locust import User

from harness.load.answers import Header, Observation

unfinished: list[Callable[[str, float, float | None, float, Observation], None]] = []
"""Called for a request that the end of the test cut off: name, start (Unix s), s late, s so far, observation.

It is neither a success nor an error, so that locust's own statistics do not know of it."""


class AwsFailure(Exception):
    """An AWS error as locust groups and shows it: by its code, without the ids that make every message differ."""

    def __init__(self, observation: Observation) -> None:
        super().__init__(observation.error)
        self.observation = observation

    def __repr__(self) -> str:
        return str(self.observation.error)


class Answer:
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


def report(
    user: User, name: str, answer: Answer, *, start_time: float, late: float | None, service: float, url: str
) -> None:
    """Tell locust of an answer. Its time counts from the intended start, where there is one.

    start_time: Unix seconds at sending; late: seconds from the intended start until then; service: seconds from then.
    """
    observation = answer.observation
    hooks: Any = user.environment.events
    hooks.request.fire(
        request_type=observation.kind,
        name=name,
        response_time=((late or 0.0) + service) * 1000,
        response_length=observation.response_bytes,
        response=answer,
        context={**user.context(), "observation": observation, "late": late, "service": service},
        exception=AwsFailure(observation) if observation.error else None,
        start_time=start_time,
        url=url,
    )
