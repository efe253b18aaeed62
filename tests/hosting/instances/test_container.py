"""Container instances: each takes a free address, found by a new look-up, and gives it back."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from harness.core.clock import WallClock
from harness.hosting.instances.base import InstanceFailed, InstanceSpec, InvocationFailed
from harness.hosting.instances.container import ContainerKind
from harness.hosting.instances.container.instance import ContainerInstance
from harness.hosting.instances.settings import LocalSettings


class Container:
    """A web server that keeps the container contract, in this process.

    healthy: what /ping says; broken: it closes the connection instead of an answer to a request.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.healthy = True
        self.broken = False
        self._host, self._port = host, port
        application = web.Application()
        application.add_routes([web.get("/ping", self._ping), web.post("/invocations", self._invoke)])
        self._runner = web.AppRunner(application)

    async def start(self) -> Container:
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    @property
    def port(self) -> int:
        return self._port

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.healthy else 500)

    async def _invoke(self, request: web.Request) -> web.Response:
        if self.broken:
            assert request.transport is not None
            request.transport.close()
        return web.json_response(
            {"by": self.url, "type": request.content_type, "accept": request.headers.get("Accept")}
        )


class Yard:
    """Containers and the instances on them."""

    def __init__(self) -> None:
        self.kind = ContainerKind(WallClock())
        self.containers: list[Container] = []
        self.instances: list[ContainerInstance] = []

    async def container(self, **where: Any) -> Container:
        self.containers.append(await Container(**where).start())
        return self.containers[-1]

    def build(self, *urls: str) -> ContainerInstance:
        settings = LocalSettings("container", containers=urls)
        spec = InstanceSpec("e", "v", len(self.instances), "ml.m5.large", Path(), Path(), {}, settings)
        self.instances.append(self.kind.build(spec, lambda line: None))
        return self.instances[-1]

    async def ready(self, *urls: str) -> ContainerInstance:
        instance = self.build(*urls)
        await instance.start()
        await instance.wait_ready(5)
        return instance


@pytest.fixture
async def yard() -> AsyncIterator[Yard]:
    running = Yard()
    yield running
    await asyncio.gather(*(instance.stop() for instance in running.instances))
    await asyncio.gather(*(container.stop() for container in running.containers))


async def test_each_instance_has_a_container_of_its_own_and_gives_it_back(yard: Yard) -> None:
    urls = [(await yard.container()).url for _ in range(2)]
    first, second = await yard.ready(*urls), await yard.ready(*urls)
    assert sorted([first.address, second.address]) == sorted(urls)  # type: ignore[type-var]
    third = yard.build(*urls)
    with pytest.raises(InstanceFailed, match=rf"No free container .* within 0\.5 s; \[local\] containers: {urls[0]}"):
        await third.wait_ready(0.5)
    freed = first.address
    await first.stop()
    await third.wait_ready(5)
    assert third.address == freed


async def test_a_container_that_is_not_healthy_is_passed_over_and_taken_when_it_is(yard: Yard) -> None:
    sick, sound = await yard.container(), await yard.container()
    sick.healthy = False
    assert (await yard.ready(sick.url, sound.url)).address == sound.url
    second = yard.build(sick.url, sound.url)
    waiting = asyncio.ensure_future(second.wait_ready(5))
    await asyncio.sleep(0.3)
    sick.healthy = True
    await waiting
    assert second.address == sick.url


async def test_a_name_that_has_several_addresses_is_several_containers(
    yard: Yard, resolve: Callable[[str, list[str]], None]
) -> None:
    """As a service's name in docker compose, looked up anew for every instance."""
    first = await yard.container(host="127.0.0.2")
    resolve("model", ["127.0.0.2"])
    name = f"http://model:{first.port}"
    assert (await yard.ready(name)).address == first.url
    second = yard.build(name)
    with pytest.raises(InstanceFailed, match="No free container"):
        await second.wait_ready(0.3)
    await yard.container(host="127.0.0.3", port=first.port)
    resolve("model", ["127.0.0.2", "127.0.0.3"])
    await second.wait_ready(5)
    assert second.address == f"http://127.0.0.3:{first.port}"


async def test_a_host_that_does_not_resolve_yet_is_waited_for(yard: Yard) -> None:
    with pytest.raises(InstanceFailed, match=r"http://nobody\.invalid:8080"):
        await yard.build("http://nobody.invalid:8080").wait_ready(0.5)


async def test_the_container_sees_the_callers_headers_and_none_of_the_harnesss(yard: Yard) -> None:
    instance = await yard.ready((await yard.container()).url)
    answer = await instance.invoke(b"a,b", {"Content-Type": "text/csv"}, 5)
    assert answer.body == b'{"by": "%s", "type": "text/csv", "accept": null}' % str(instance.address).encode()


async def test_stopping_leaves_the_container_running(yard: Yard) -> None:
    container = await yard.container()
    await (await yard.ready(container.url)).stop()
    assert (await yard.ready(container.url)).address == container.url


async def test_a_container_that_fails_three_pings_has_ended(yard: Yard) -> None:
    container = await yard.container()
    instance = await yard.ready(container.url)
    ended = asyncio.ensure_future(instance.wait_ended())
    await asyncio.sleep(1.2)
    assert not ended.done()
    await container.stop()
    async with asyncio.timeout(10):
        await ended
    with pytest.raises(InvocationFailed):
        await instance.invoke(b"", {}, 5)


async def test_a_container_that_fails_a_request_and_a_ping_has_ended_at_once(yard: Yard) -> None:
    container = await yard.container()
    instance = await yard.ready(container.url)
    ended = asyncio.ensure_future(instance.wait_ended())
    await container.stop()
    with pytest.raises(InvocationFailed):
        await instance.invoke(b"", {}, 5)
    async with asyncio.timeout(0.9):  # before the first of its three pings
        await ended


async def test_a_container_that_fails_a_request_and_no_ping_goes_on(yard: Yard) -> None:
    container = await yard.container()
    instance = await yard.ready(container.url)
    ended = asyncio.ensure_future(instance.wait_ended())
    container.broken = True
    with pytest.raises(InvocationFailed):
        await instance.invoke(b"", {}, 5)
    await asyncio.sleep(0.3)
    assert not ended.done()
    ended.cancel()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, list[str]], None]:
    """Names of the test's own in place of a name server's."""
    names: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        if host not in names:
            return real(host, port, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in names[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return names.__setitem__
