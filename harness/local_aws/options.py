"""The options of a local AWS, in a module that loads nothing of what runs there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.core.environment import DEFAULT_PORT
from harness.core.errors import HarnessError
from harness.functions.rules.concurrency import PREPARATION_SECONDS
from model_server.peers import is_loopback

DEFAULT_REGION = "us-east-1"
HIGHEST_SPEED = 1000
"""The highest speed of the clock. At this speed the alarms, which are looked at every 10 s, are so every 10 ms."""


@dataclass(frozen=True, slots=True)
class LocalAwsOptions:
    """How a local AWS is brought up. Raises HarnessError for an option that no local AWS can have.

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
    allowed_hosts: names other than loopback's by which it is called; each stands for its subdomains too.
    other_users: whether other users of this machine may call it too. An address beyond loopback is everybody's.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    region: str = DEFAULT_REGION
    backend_url: str | None = None
    containers: tuple[str, ...] = ()
    functions: Literal["harness", "localstack"] = "harness"
    provisioning_seconds: float = PREPARATION_SECONDS
    speed: float = 1.0
    administrator: bool = True
    other_users: bool = False
    allowed_hosts: tuple[str, ...] = ()
    quotas: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.host:
            raise HarnessError("The address to listen on is empty: give one, such as 127.0.0.1.")
        if not 0 <= self.port <= 65_535:
            raise HarnessError(f"A port is a number up to 65535, not {self.port}.")
        if not 0 < self.speed <= HIGHEST_SPEED:  # also false for NaN
            raise HarnessError(f"A speed is a number above 0 and up to {HIGHEST_SPEED}, not {self.speed:g}.")
        if self.functions == "localstack" and not self.backend_url:
            raise HarnessError(
                "Only a LocalStack can run the functions, and no backend is given: say where it listens, with "
                "--backend-url http://HOST:4566."
            )
        self._check_region()
        self._check_containers()

    def _check_region(self) -> None:
        if self.region == DEFAULT_REGION:  # botocore's list takes a fifth of a second to read
            return
        from harness.core.regions import region_problem

        if problem := region_problem(self.region):
            raise HarnessError(f"{problem}.")

    def _check_containers(self) -> None:
        if not self.containers:
            return
        from harness.hosting.instances.settings import LocalSettingsError, parse_local_settings

        try:
            parse_local_settings({"containers": list(self.containers)})
        except LocalSettingsError as error:
            problems = "; ".join(text for _, text in error.problems)
            raise HarnessError(f"The address of a running container {problems}.") from None

    @property
    def own_user_only(self) -> bool:
        """Whether only this process's user, and root, may call it."""
        return is_loopback(self.host) and not self.other_users
