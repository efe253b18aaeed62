"""The backend: S3, IAM, STS, Logs, CloudWatch and the rest behind a URL, read through boto3 like anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from harness.core.environment import ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET


class Backend:
    """An AWS endpoint of somebody else's making: moto in process, LocalStack, or any other.

    url: where it listens, ``http://127.0.0.1:PORT``.
    region: the harness's home region, used where a caller names none.
    now: the time that it lives in, Unix seconds: the wall's, or the harness's clock's where that is embedded.
    """

    def __init__(self, url: str, region: str = "us-east-1", now: Callable[[], float] = time.time) -> None:
        self.url = url.rstrip("/")
        self.region = region
        self.now = now
        self._clients: dict[tuple[str, str], Any] = {}
        # One for all clients: what botocore reads of AWS's endpoints and services, it reads once a session.
        self._session: Any = boto3.Session(ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET, region_name=region)
        self._building = threading.Lock()

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the backend, signed as its administrator.

        The first of a service and region takes up to a quarter of a second to build: in a thread, where that matters.
        """
        key = (service, region or self.region)
        found = self._clients.get(key)
        if found is None:
            with self._building:
                found = self._clients.get(key)
                if found is None:
                    found = self._clients[key] = _client(self._session, service, self.url, key[1])
        return found

    async def call(
        self, service: str, method: str, /, *, region: str | None = None, **parameters: Any
    ) -> dict[str, Any]:
        """One boto3 call, its client's making included, in a thread of its own, so that the event loop goes on."""

        def make() -> dict[str, Any]:
            return dict(getattr(self.client(service, region), method)(**parameters))

        return await asyncio.to_thread(make)

    async def warm(self) -> None:
        """Makes what metrics and logs need before they need it: botocore and moto load a service's models at its first
        call, for half a second of one core, which requests that are under way would wait for."""
        for service, method in (("cloudwatch", "list_metrics"), ("logs", "describe_log_groups")):
            with contextlib.suppress(BotoCoreError, ClientError):
                await self.call(service, method)


def connect(service: str, url: str, region: str, access_key: str, secret_key: str) -> Any:
    """A boto3 client of an AWS endpoint at ``url``; nothing in the user's AWS configuration can lead it elsewhere."""
    return _client(boto3.Session(access_key, secret_key), service, url, region)


def _client(session: Any, service: str, url: str, region: str) -> Any:
    config = Config(
        s3={"addressing_style": "path"}, max_pool_connections=64, retries={"total_max_attempts": 2}, proxies={}
    )
    return session.client(service, region_name=region, endpoint_url=url, config=config)
