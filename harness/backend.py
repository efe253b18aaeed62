"""The backend: S3, IAM, STS, Logs, CloudWatch and the rest behind a URL, read through boto3 like anybody else."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

import boto3
from botocore.config import Config

ADMINISTRATOR_KEY = "test"
ADMINISTRATOR_SECRET = "test"  # noqa: S105 - the well-known key pair of local emulators, worth nothing anywhere else


class Backend:
    """An AWS endpoint of somebody else's making: moto in process, LocalStack, or any other.

    url: where it listens, ``http://127.0.0.1:PORT``.
    region: the harness's home region, used where a caller names none.
    """

    def __init__(self, url: str, region: str = "us-east-1") -> None:
        self.url = url.rstrip("/")
        self.region = region
        # A client takes tens of milliseconds to build and is safe to share between threads.
        self._client = cache(self._build)

    def client(self, service: str, region: str | None = None) -> Any:
        """A boto3 client of the backend, signed as its administrator."""
        return self._client(service, region or self.region)

    async def call(self, service: str, method: str, /, **parameters: Any) -> dict[str, Any]:
        """One boto3 call in a thread of its own, so that the event loop goes on."""
        return await asyncio.to_thread(getattr(self.client(service), method), **parameters)

    def _build(self, service: str, region: str) -> Any:
        return connect(service, self.url, region, ADMINISTRATOR_KEY, ADMINISTRATOR_SECRET)


def connect(service: str, url: str, region: str, access_key: str, secret_key: str) -> Any:
    """A boto3 client of an AWS endpoint at ``url``; nothing in the user's AWS configuration can lead it elsewhere."""
    config = Config(
        s3={"addressing_style": "path"}, max_pool_connections=64, retries={"total_max_attempts": 2}, proxies={}
    )
    make: Any = boto3.Session(aws_access_key_id=access_key, aws_secret_access_key=secret_key, region_name=region).client
    return make(service, endpoint_url=url, config=config)
