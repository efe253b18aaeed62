"""Brings one model server up, keeps it running, and takes everything down at the end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Generator

import platformdirs
import uvicorn
import uvloop

from model_server.asgi import Asgi
from model_server.egress.proxy import EgressProxy
from model_server.environment import worker_environment
from model_server.front import Front
from model_server.guard import NoPageProtocol, OwnUserProtocol
from model_server.links import ModelLoadError, WorkerLinks
from model_server.peers import is_loopback
from model_server.run_dir import RunDir, run_dir
from model_server.settings import DRAIN_SECONDS, ModelServerError, ServerSettings, available_cores, parse
from model_server.torchserve import TorchServe
from model_server.upstream import Upstream

_BACKLOG = 2048


def main() -> int:
    """Runs the command. Returns its exit status: 0 if it was told to stop, 1 for an error, which it prints."""
    try:
        settings = parse(sys.argv[1:], os.environ, available_cores())
        with _listening(settings) as listener, run_dir(settings.work_dir) as folder:
            uvloop.run(_Launcher(settings, folder).serve(listener))
    except ModelLoadError as error:
        if error.traceback:
            print(error.traceback, file=sys.stderr, end="")
        _say(str(error))
        program = os.environ.get("SAGEMAKER_PROGRAM") or "inference.py"
        if not (settings.model_dir / "code" / program).exists():
            # Otherwise the error would come from code that the user never wrote.
            _say(
                f"model.tar.gz has no code/{program}, so the toolkit's own model_fn was used, which loads one "
                "TorchScript file (*.pt or *.pth): add either."
            )
        return 1
    except (ModelServerError, OSError) as error:
        _say(str(error))
        return 1
    return 0


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, which would end the process before the workers are gone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class _Launcher:
    def __init__(self, settings: ServerSettings, folder: RunDir) -> None:
        self._settings = settings
        self._folder = folder

    async def serve(self, listener: socket.socket) -> None:
        """Serves until told to stop. Raises ModelServerError if the model cannot be loaded or the server breaks."""
        stop, cut = self._stop_signals()
        links = WorkerLinks(self._settings.workers)
        link_socket = self._folder.sockets / "link.sock"
        await links.listen(link_socket)
        environment = worker_environment(
            self._settings,
            os.environ,
            link_socket,
            platformdirs.user_cache_path("sagemaker-harness"),
            self._folder.path,
        )
        egress = EgressProxy(self._settings.responses, self._folder.path) if self._settings.responses else None
        if egress is not None:
            await egress.start()
            environment.update(egress.environment(environment))
        upstream = self._upstream(environment)
        front = Front(upstream, lambda: links.ready > 0)
        server = _Server(
            uvicorn.Config(
                front,
                http=OwnUserProtocol if is_loopback(self._settings.host) else NoPageProtocol,
                lifespan="off",
                ws="none",
                access_log=False,
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                backlog=_BACKLOG,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        if (self._settings.model_dir / "code" / "requirements.txt").exists():
            _say("code/requirements.txt is not installed here: what it names must be in this Python environment.")
        try:
            await upstream.start()
            await self._until_stopped(upstream, links, front, stop, cut)
            server.should_exit = True
            await asyncio.wait((serving, asyncio.ensure_future(cut.wait())), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await upstream.stop()
            await links.close()
            if egress is not None:
                await egress.close()
            server.should_exit = server.force_exit = True
            await serving

    def _upstream(self, environment: dict[str, str]) -> Upstream:
        if self._settings.server == "asgi":
            return Asgi(self._settings, self._folder.sockets, environment)
        return TorchServe(self._settings, self._folder.path, self._folder.sockets, environment)

    async def _until_stopped(
        self, upstream: Upstream, links: WorkerLinks, front: Front, stop: asyncio.Event, cut: asyncio.Event
    ) -> None:
        opening = asyncio.create_task(self._open(upstream, links, front))
        ended = asyncio.create_task(upstream.ended())
        stopping = asyncio.create_task(stop.wait())
        cutting = asyncio.create_task(cut.wait())
        tasks = (opening, ended, stopping, cutting)
        try:
            pending: set[asyncio.Future[object]] = {*tasks, links.failure}  # type: ignore[arg-type]
            while True:
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                if links.failure.done():
                    raise links.failure.result()
                if stopping.done() or cutting.done():
                    return
                if ended.done():
                    raise ModelServerError(ended.result())
                if opening in done:
                    opening.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _open(self, upstream: Upstream, links: WorkerLinks, front: Front) -> None:
        await links.everyone_ready()
        await upstream.open()
        front.opened = True
        _say(
            f"ready on http://{self._settings.host}:{self._settings.port} ({self._settings.server}, "
            f"workers: {self._settings.workers}, threads each: {self._settings.threads})"
        )

    def _stop_signals(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Two events. stop: requests in flight are finished. cut: the parent is gone, and nobody waits for answers."""
        loop = asyncio.get_running_loop()
        stop, cut = asyncio.Event(), asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if self._settings.lifeline:

            def watch() -> None:
                while os.read(0, 1024):
                    pass
                with contextlib.suppress(RuntimeError):  # The loop is closed: the server has ended otherwise.
                    loop.call_soon_threadsafe(cut.set)

            threading.Thread(target=watch, daemon=True).start()
        return stop, cut


@contextlib.contextmanager
def _listening(settings: ServerSettings) -> Generator[socket.socket, None, None]:
    """The listening socket, which is there before anything is started."""
    if settings.listener is not None:
        os.set_inheritable(settings.listener, False)
        with socket.socket(fileno=settings.listener) as listener:
            yield listener
        return
    host, port = settings.host, settings.port
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)  # of two that are bound to one port, only the first to listen has it
        except OSError as error:
            raise ModelServerError(
                f"Cannot listen on {host}:{port} ({error.strerror}): choose another --port."
            ) from None
        yield listener


def _say(text: str) -> None:
    print(f"model_server: {text}", file=sys.stderr, flush=True)
