"""The process that holds the twins. Each twin has a port of its own and answers from a capacity profile.

``python -m harness.hosting.instances.twin.host`` reads commands from standard input, one JSON object on each line,
answers on standard output, and ends when its input ends:

    {"id": 2, "do": "start", "twin": 1, "profile": {...}}   -> {"id": 2, "twin": 1, "port": 40001}; /ping answers 503
    {"id": 3, "do": "load", "twin": 1}                      -> {"id": 3, "twin": 1, "loaded": true}; it serves
    {"id": 4, "do": "kill", "twin": 1}                      -> {"id": 4, "twin": 1, "ended": true}; ended as by SIGKILL
    {"id": 5, "do": "ping", "twin": 0}                      -> {"id": 5, "twin": 0, "alive": true}; the process answers
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import random
import select
import selectors
import sys
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from harness.core.profile import Profile, parse_profile
from harness.core.queueing import Departure, Station
from model_server.guard import OwnUserProtocol

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_ERROR = b"The model failed on this request, as the profile's error rate has it."
# TorchServe's words for a full job queue and for a model that is not loaded (pytorch/serve issues).
_BUSY = json.dumps(
    {
        "code": 503,
        "type": "ServiceUnavailableException",
        "message": 'Model "model" has no worker to serve inference request. Please use scale workers API to add '
        "workers. If this is a sequence inference, please check if it is closed, or expired; or exceeds "
        "maxSequenceJobQueueSize",
    },
    indent=2,
).encode()
_PROFILES_KEPT = 64
_COMMAND_LIMIT = 4 * 2**20


class FineSelector(selectors.EpollSelector):
    """epoll that waits to the microsecond. Its own timeout is in whole milliseconds, rounded up, and would make every
    service time up to 1 ms too long."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)


class Twin:
    """An instance's stand-in: a queueing station on the loop's clock. Service times are wall-clock time."""

    def __init__(self, profile: Profile, loop: asyncio.AbstractEventLoop) -> None:
        draws = random.Random()  # noqa: S311 - service times, not cryptography
        self.loaded = False
        self._profile = profile
        self._content = profile.answer.content()
        self._content_type = profile.answer.content_type.encode()
        self._loop = loop
        self._draw = draws.random
        self._station: Station[asyncio.Future[None]] = Station(
            profile.workers,
            profile.queue_length,
            lambda in_service: profile.service_time(in_service, draws.random()),
        )
        self._timer: asyncio.TimerHandle | None = None

    async def invocations(self) -> tuple[int, bytes, bytes]:
        """Serves one request to its end, and returns status, content type and body of its answer."""
        served = self._loop.create_future()
        now = self._loop.time()
        self._depart(now)
        if not self.loaded or not self._station.arrive(served, now):
            return 503, b"application/json", _BUSY
        self._depart(now)
        await served
        if self._profile.fails(self._draw()):
            return 500, b"text/plain", _ERROR
        return 200, self._content_type, self._content

    def _depart(self, until: float) -> None:
        for departure in self._station.depart(until):
            _wake(departure)
        due = self._station.due
        if self._timer is not None and self._timer.when() != due:
            self._timer.cancel()
            self._timer = None
        if due is not None and self._timer is None:
            self._timer = self._loop.call_at(due, self._on_time)

    def _on_time(self) -> None:
        self._timer = None
        self._depart(self._loop.time())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _wake(departure: Departure[asyncio.Future[None]]) -> None:
    # The future is cancelled if the connection was cut. The job kept its worker all the same, as in a model server.
    if not departure.job.done():
        departure.job.set_result(None)


class TwinHost:
    """The twins by port, behind one ASGI application."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            http=OwnUserProtocol,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=75,
        )
        self._config.load()
        self._at: dict[int, Twin] = {}
        self._running: dict[int, tuple[int, asyncio.Server, ServerState]] = {}

    async def obey(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Carries a command out, and returns the answer's members beside the twin's number."""
        if command["do"] == "start":
            return {"port": await self._start(command["twin"], json.dumps(command["profile"]))}
        if command["do"] == "ping":
            return {"alive": True}
        running = self._running.get(command["twin"])
        if command["do"] == "load":
            if running is not None:
                self._at[running[0]].loaded = True
            return {"loaded": running is not None}
        if running is not None:
            self._kill(command["twin"])
        return {"ended": True}

    async def _start(self, number: int, profile: str) -> int:
        state = ServerState()

        def connect() -> asyncio.Protocol:
            protocol: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
                config=self._config, server_state=state, app_state={}, _loop=self._loop
            )
            return protocol

        server = await self._loop.create_server(connect, "127.0.0.1", 0, backlog=2048)
        port = int(server.sockets[0].getsockname()[1])
        self._at[port] = Twin(_profile(profile), self._loop)
        self._running[number] = (port, server, state)
        return port

    def _kill(self, number: int) -> None:
        port, server, state = self._running.pop(number)
        self._at.pop(port).end()
        server.close()
        for connection in list(state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        for task in list(state.tasks):
            task.cancel()

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """The container contract of the twin at the connection's port."""
        twin = self._at.get(scope["server"][1])
        if twin is None:
            return
        route = (scope["method"], scope["path"])
        if route == ("GET", "/ping"):
            status, content_type, body = (200 if twin.loaded else 503), b"application/json", b"{}"
        elif route == ("POST", "/invocations"):
            while (await receive()).get("more_body", False):
                pass
            status, content_type, body = await twin.invocations()
        else:
            status, content_type, body = 404, b"text/plain", b"A twin knows GET /ping and POST /invocations."
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


@functools.lru_cache(_PROFILES_KEPT)
def _profile(text: str) -> Profile:
    # All twins of one profile share the parsed profile.
    return parse_profile(json.loads(text))


async def _run() -> None:
    host = TwinHost()
    loop = asyncio.get_running_loop()
    commands = asyncio.StreamReader(limit=_COMMAND_LIMIT)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    gc.freeze()
    while line := await commands.readline():
        command = json.loads(line)
        address = {"id": command["id"], "twin": command["twin"]}
        print(json.dumps({**address, **await host.obey(command)}), flush=True)


def main() -> None:
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(FineSelector())) as runner:
        runner.run(_run())


if __name__ == "__main__":
    main()
