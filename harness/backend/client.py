"""The backend: S3, IAM, STS, Logs, CloudWatch and the rest, behind a URL or in this process, called through boto3."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.transport import HttpTransport, LocalServer, LocalTransport, Transport, connect_to
from harness.core import tasks
from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET

# Where the clients of the backend in this process believe to send. A name without a dot is no virtual host of S3.
_NOWHERE = "http://embedded"


class Backend:
    """An AWS emulator that is not the harness's own: moto in this process, LocalStack, or any other.

    at: its URL, ``http://127.0.0.1:PORT``, or the server itself if it is in this process.
    region: the harness's home region, for calls that name none.
    now: the backend's time in Unix seconds: the wall's; for moto in this process, the harness's clock's.
    """

    def __init__(self, at: str | LocalServer, region: str = "us-east-1", now: Callable[[], float] = time.time) -> None:
        self.at = at.rstrip("/") if isinstance(at, str) else at
        self.region = region
        self.now = now
        self._clients: dict[tuple[str, str], Any] = {}
        # One session for all clients: botocore reads its data about AWS's endpoints and services once a session.
        self._session: Any = boto3.Session(ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, region_name=region)
        self._building = threading.Lock()

    @property
    def name(self) -> str:
        """The backend in a sentence."""
        return f"backend at {self.at}" if isinstance(self.at, str) else "embedded backend"

    def transport(self) -> Transport:
        """A new way to send requests as they came."""
        return HttpTransport(self.at) if isinstance(self.at, str) else LocalTransport(self.at)

    def in_region(self, region: str) -> Backend:
        """The same backend, with another home region."""
        return Backend(self.at, region, self.now)

    def connect(self, service: str, access_key: str, secret_key: str) -> Any:
        """A boto3 client that signs with another key than the administrator's."""
        return self._make(boto3.Session(access_key, secret_key), service, self.region)

    def _make(self, session: Any, service: str, region: str) -> Any:
        if isinstance(self.at, str):
            return _client(session, service, self.at, region)
        client = _client(session, service, _NOWHERE, region)
        connect_to(self.at, client)
        return client

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the backend, which signs as its administrator.

        The first client of a service and region takes up to a quarter of a second to make. Call this in a thread,
        if that matters.
        """
        key = (service, region or self.region)
        client = self._clients.get(key)
        if client is None:
            with self._building:
                client = self._clients.get(key)
                if client is None:
                    client = self._clients[key] = self._make(self._session, service, key[1])
        return client

    async def call(
        self, service: str, method: str, /, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """Makes one boto3 call in a thread, so that the event loop goes on."""

        def make() -> dict[str, Any]:
            return dict(getattr(self.client(service, region), method)(**parameters))

        return await tasks.in_thread(make)

    async def warm(self) -> None:
        """Calls CloudWatch and Logs once, before metrics and logs do.

        botocore and moto load a service's models at its first call. That takes half a second of one core, and requests
        under way would wait for it.
        """
        for service, method in (("cloudwatch", "list_metrics"), ("logs", "describe_log_groups")):
            with contextlib.suppress(BotoCoreError, ClientError):
                await self.call(service, method)


def connect(service: str, url: str, region: str, access_key: str, secret_key: str) -> Any:
    """A boto3 client of the AWS endpoint at ``url``, whatever the user's AWS configuration says."""
    return _client(boto3.Session(access_key, secret_key), service, url, region)


def _client(session: Any, service: str, url: str, region: str) -> Any:
    config = Config(
        s3={"addressing_style": "path"}, max_pool_connections=64, retries={"total_max_attempts": 2}, proxies={}
    )
    return session.client(service, region_name=region, endpoint_url=url, config=config)
