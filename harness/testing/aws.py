"""The local AWS of a test session, and the clients that a test calls it with."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, client_environment
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import LocalAwsOptions
from harness.testing.clock import HarnessClock

if TYPE_CHECKING:
    import boto3

# A user's own configuration must not lead a test to a real account.
_FOREIGN = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_REGION")


@dataclass(frozen=True)
class Aws:
    """A running local AWS.

    url: of the gateway. region: of clients that name none. account: the account's number.
    """

    url: str
    region: str
    account: str
    clock: HarnessClock

    @cached_property
    def _session(self) -> boto3.Session:
        from harness.local_aws.session import administrator_session

        return administrator_session()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that another process needs to reach this AWS; the test session itself has them already."""
        return client_environment(self.url, self.region)

    def client(self, service: str, credentials: dict[str, Any] | None = None, **config: Any) -> Any:
        """A boto3 client without retries.

        credentials: as STS answers them; by default those of the account's administrator. config: more arguments of
        botocore.config.Config.
        """
        from botocore.config import Config

        keys = credentials or {"AccessKeyId": ADMINISTRATOR_KEY, "SecretAccessKey": ADMINISTRATOR_SECRET}
        settings = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"}, "read_timeout": 910}
        return self._session.client(
            service,  # type: ignore[call-overload]
            region_name=self.region,
            endpoint_url=self.url,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(**{**settings, **config}),
        )

    def reset(self) -> None:
        """Empty it: functions, endpoints, scaling, buckets, users, logs, metrics. The clock is back at its start."""
        LocalAwsClient(self.url).reset()

    def as_role(self, role: str, service: str, session: str = "test") -> Any:
        """A client of a service with the temporary credentials of a role, whomever the role trusts.

        role: its name or ARN.
        """
        arn = role if role.startswith("arn:") else f"arn:aws:iam::{self.account}:role/{role}"
        return self.client(service, LocalAwsClient(self.url).role_credentials(arn, session))

    def oidc_token(self, issuer: str, subject: str, audience: str, **claims: Any) -> str:
        """A token of an OpenID Connect issuer, for AssumeRoleWithWebIdentity. The local AWS signs it itself.

        issuer: its URL, for which the account has a provider. claims: more of them, or others in place of iat and exp.
        """
        return LocalAwsClient(self.url).oidc_token(issuer, {"sub": subject, "aud": audience, **claims})


@contextlib.contextmanager
def local_aws(folder: Path, options: LocalAwsOptions | None = None) -> Iterator[Aws]:
    """Run a local AWS on a free port, in a process of its own, while the context lasts.

    This process's environment names it, so that boto3 clients made without an endpoint go to it too. Nothing of it is
    left at the end, whatever happens to this process.
    """
    # boto3 is loaded while the local AWS starts: each of them takes a core.
    with daemon.TemporaryLocalAws(
        folder, options or LocalAwsOptions(), lambda: import_module("harness.local_aws.session")
    ) as running:
        health = LocalAwsClient(running.url, running.key).health()
        aws = Aws(running.url, running.region, str(health["account"]), HarnessClock(running.url))
        with _environment(aws.environment):
            yield aws


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    names = (*variables, *_FOREIGN)
    before = {name: os.environ.pop(name, None) for name in names}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
