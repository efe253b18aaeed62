"""The options of a local AWS, in a module that loads nothing of what runs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.core.environment import DEFAULT_PORT
from harness.functions.rules.concurrency import PREPARATION_SECONDS

HIGHEST_SPEED = 1000
"""The highest speed of the clock. At this speed the alarms, which are looked at every 10 s, are so every 10 ms."""


@dataclass(frozen=True, slots=True)
class LocalAwsOptions:
    """How a local AWS is brought up.

    port: 0 takes a free one.
    backend_url: an AWS emulator that serves what the harness does not own, in place of moto in the same process.
    containers: URLs of running model containers, which then are the instances of every endpoint, whatever its stack
    says.
    functions: who runs Lambda. LocalStack's has none of the harness's concurrency, access control and metrics.
    provisioning_seconds: how long provisioned concurrency takes to be allocated, on the clock.
    administrator: whether the key ``test`` is an administrator's; if not, a user with a new key is the administrator.
    quotas: of IAM, by their names in IAM's errors, where they are not AWS's defaults.
    speed: how many seconds of the clock pass in one second of real time. Alarms, cooldowns and provisioning follow the
    clock; requests do not.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    region: str = "us-east-1"
    backend_url: str | None = None
    containers: tuple[str, ...] = ()
    functions: Literal["harness", "localstack"] = "harness"
    provisioning_seconds: float = PREPARATION_SECONDS
    speed: float = 1.0
    administrator: bool = True
    quotas: Mapping[str, int] = field(default_factory=dict)
