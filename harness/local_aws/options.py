"""How a local AWS is brought up; apart from what runs it, so that naming it does not load that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.core.environment import DEFAULT_PORT
from harness.functions.rules.concurrency import PREPARATION_SECONDS

HIGHEST_SPEED = 1000
"""Of a clock that is sped up while it runs. A look at the alarms, every 10 s, has 10 ms of the wall's time then."""


@dataclass(frozen=True, slots=True)
class LocalAwsOptions:
    """How a local AWS is brought up.

    port: 0 takes a free one. backend_url: somebody else's backend instead of moto in this process.
    containers: running model containers, which then stand behind every endpoint, whatever its stack says.
    functions: who owns Lambda; LocalStack's has none of the harness's concurrency, access and metrics.
    provisioning_seconds: of the clock, before provisioned concurrency is allocated.
    administrator: whether the key ``test`` is the account's administrator; else a user is, whose key is made new.
    speed: how many seconds of alarms, cooldowns and provisioning pass in one of the wall's; requests keep their own.
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
