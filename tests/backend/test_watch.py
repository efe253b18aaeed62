"""What a harness logs about a backend outside its process that stops and comes back."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from harness.backend.client import Backend
from harness.backend.watch import BackendWatch


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Emulator:
    """moto's server in a process of its own. It loses everything when it ends."""

    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def backend(self) -> Backend:
        return Backend(f"http://127.0.0.1:{self.port}")

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "moto.server", "--port", str(self.port), stderr=asyncio.subprocess.DEVNULL
        )
        await until(self._listens)

    async def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            await self.process.wait()

    async def _listens(self) -> bool:
        with contextlib.suppress(OSError):
            (await asyncio.open_connection("127.0.0.1", self.port))[1].close()
            return True
        return False


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    emulator = Emulator()
    await emulator.start()
    yield emulator
    await emulator.stop()


@pytest.fixture
async def relied_on(emulator: Emulator) -> list[str]:
    """The ARNs of an object and of a bucket."""
    backend = emulator.backend
    await backend.call("s3", "create_bucket", Bucket="models")
    await backend.call("s3", "put_object", Bucket="models", Key="a/model.tar.gz", Body=b"data")
    return ["arn:aws:s3:::models/a/model.tar.gz", "arn:aws:s3:::models/a/"]


@contextlib.asynccontextmanager
async def watched(emulator: Emulator, relied_on: list[str]) -> AsyncIterator[None]:
    watch = BackendWatch(emulator.backend, lambda: relied_on, interval=0.05)
    await watch.start()
    try:
        yield
    finally:
        await watch.close()


def sentences(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Every logged sentence. The last two are about a backend that stopped and came back."""
    return [record.getMessage() for record in caplog.records if record.name == "harness.backend.watch"]


async def count(caplog: pytest.LogCaptureFixture, wanted: int) -> bool:
    return len(sentences(caplog)) >= wanted


async def test_a_backend_that_restarted_empty_is_said_to_have_lost_what_is_relied_on(
    emulator: Emulator, relied_on: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with watched(emulator, relied_on):
        await until(lambda: count(caplog, 1))
        await emulator.stop()
        await until(lambda: count(caplog, 2))
        await emulator.start()
        await until(lambda: count(caplog, 3))
    _, gone, back = sentences(caplog)
    assert f"The backend at http://127.0.0.1:{emulator.port} does not answer" in gone
    assert all(arn in back for arn in relied_on)
    assert "deploy again" in back


async def test_a_backend_that_kept_everything_is_said_to_have_kept_it(
    emulator: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with watched(emulator, []):
        await until(lambda: count(caplog, 1))
        await emulator.stop()
        await until(lambda: count(caplog, 2))
        await emulator.start()
        await until(lambda: count(caplog, 3))
    assert "still there" in sentences(caplog)[2]


async def test_what_is_there_is_not_called_lost(emulator: Emulator, relied_on: list[str]) -> None:
    """A prefix exists if any object is below it."""
    watch = BackendWatch(emulator.backend, lambda: [*relied_on, "arn:aws:s3:::models/a/", "arn:aws:s3:::models/b"])
    assert await watch._wait_for_missing() == ["arn:aws:s3:::models/b"]


async def test_what_an_earlier_harness_left_is_said_at_the_start(
    emulator: Emulator, relied_on: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with watched(emulator, relied_on):
        await until(lambda: count(caplog, 1))
    assert "still holds what was put there before (buckets: models)" in sentences(caplog)[0]
    assert "deploy again" in sentences(caplog)[0]


async def test_an_empty_backend_is_said_to_be_one(emulator: Emulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with watched(emulator, []):
        await until(lambda: count(caplog, 1))
    assert "holds no bucket yet: nothing is deployed" in sentences(caplog)[0]


async def test_a_backend_that_stays_is_not_spoken_of(
    emulator: Emulator, relied_on: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    caplog.set_level(logging.INFO)
    async with watched(emulator, relied_on):
        await until(lambda: count(caplog, 1))  # what it holds
        await asyncio.sleep(0.3)
    assert len(sentences(caplog)) == 1
