"""One container that somebody else runs: any image that keeps the container contract, at an address."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit

from yarl import URL

from harness.hosting.instances.base import Answer, Instance, InstanceFailed, InvocationFailed, Log, StreamedAnswer
from harness.hosting.instances.client import STARTUP_PING_SECONDS, ContainerClient
from harness.hosting.instances.health import unanswered


class ContainerInstance(Instance):
    """One address of ``containers`` (URLs). A host may resolve to several addresses and is looked up anew each time.

    taken: the addresses that instances hold, shared by all instances. Stopping an instance frees its address and leaves
    the container running.
    """

    def __init__(self, containers: Sequence[str], taken: set[str], log: Log) -> None:
        self._containers = containers
        self._taken = taken
        self._log = log
        self._client: ContainerClient | None = None
        self._doubted = asyncio.Event()

    @property
    def address(self) -> str | None:
        """The URL that the instance holds, once ready."""
        return self._client.url if self._client else None

    async def start(self) -> None:
        """Does nothing, since the container runs already."""

    async def wait_ready(self, timeout: float) -> None:
        try:
            async with asyncio.timeout(timeout):
                while True:
                    if await self._take():
                        return
                    await asyncio.sleep(STARTUP_PING_SECONDS)
        except TimeoutError:
            listed = ", ".join(self._containers) or "none is given"
            raise InstanceFailed(
                f"No free container answered /ping with 200 within {timeout:g} s; [local] containers: {listed}."
            ) from None

    async def _take(self) -> bool:
        """Takes the first free address that answers /ping; False if there is none."""
        for url in await _addresses(self._containers):
            if url in self._taken:
                continue
            self._taken.add(url)
            client = ContainerClient(url)
            try:
                if await client.ping():
                    self._client = client
                    self._log(f"instance on the container at {url}")
                    return True
            finally:
                if self._client is None:
                    self._taken.discard(url)
                    await client.close()
        return False

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        assert self._client is not None, "wait_ready() comes first"
        with self._doubting():
            return await self._client.invoke(body, headers, timeout)

    @asynccontextmanager
    async def stream(self, body: bytes, headers: Mapping[str, str], timeout: float) -> AsyncIterator[StreamedAnswer]:
        assert self._client is not None, "wait_ready() comes first"
        with self._doubting():
            async with self._client.stream(body, headers, timeout) as answer:
                yield answer

    @contextmanager
    def _doubting(self) -> Iterator[None]:
        try:
            yield
        except InvocationFailed:
            self._doubted.set()
            raise

    async def wait_ended(self) -> str | None:
        assert self._client is not None, "wait_ready() comes first"
        self._doubted.clear()
        return await unanswered(self._client.ping, doubted=self._doubted)

    async def stop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            self._taken.discard(client.url)
            await client.close()


async def _addresses(containers: Sequence[str]) -> list[str]:
    """The URLs, with each host replaced by all addresses that it has now, in a stable order."""
    urls: dict[str, None] = {}
    for url in containers:
        parts = urlsplit(url)
        try:
            infos = await asyncio.get_running_loop().getaddrinfo(
                parts.hostname, parts.port or 80, type=socket.SOCK_STREAM
            )
        except OSError:
            continue  # a container that is not up yet has no name
        # A container on a network of both address families has one address of each, and is still one container.
        family = socket.AF_INET if any(info[0] == socket.AF_INET for info in infos) else socket.AF_INET6
        for address in sorted(info[4] for info in infos if info[0] == family):
            host = str(address[0])
            urls[str(URL.build(scheme="http", host=host, port=int(address[1])))] = None
    return list(urls)
