"""The ``asgi`` server: TorchServe's Python workers without Java. This process keeps the queue and hands out requests.

Limits and error answers are TorchServe's (0.12.0: WorkerThread.java, BatchAggregator.java, RestJob.java).
"""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import sys
import uuid
from collections import deque
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from model_server import otf
from model_server.environment import model_root
from model_server.settings import (
    JOB_QUEUE_SIZE,
    MAX_RESPONSE_BYTES,
    STARTUP_TIMEOUT_SECONDS,
    ModelServerError,
    ServerSettings,
)
from model_server.torchserve import HANDLER
from model_server.upstream import Headers, HttpAnswer, forwarded_answer_headers

_WORKER_PROGRAM = Path(__file__).resolve().parent / "worker.py"
_FIRST_PORT = 9000  # TorchServe's port of its first worker; here only a part of a socket's name
_READ_BUFFER = 1 << 20
_LONGEST_BACKOFF = 5.0
_CONNECT_PAUSE = 0.02


class WorkerDiedError(Exception):
    """The worker ended, or was ended because it answered too late or too much."""


class Worker:
    """One Python process that holds the model and answers one request at a time."""

    def __init__(self, settings: ServerSettings, sockets: Path, environment: Mapping[str, str], number: int) -> None:
        self._settings = settings
        self._socket = sockets / f".ts.sock.{_FIRST_PORT + number}"
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Starts the process and loads the model. Raises WorkerDiedError if it ends before the model is loaded."""
        torchserve = _torchserve_package()
        model_dir = model_root(self._settings.model_dir)
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            str(_WORKER_PROGRAM),
            str(torchserve / "model_service_worker.py"),
            "--sock-type",
            "unix",
            "--sock-name",
            str(self._socket),
            "--metrics-config",
            str(torchserve / "configs" / "metrics.yaml"),
            cwd=model_dir,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        self._copying = asyncio.create_task(_copy_log(process.stdout))
        try:
            async with asyncio.timeout(STARTUP_TIMEOUT_SECONDS):
                self._stream, self._writer = await self._connect(process)
                self._writer.write(otf.load_request(str(model_dir), HANDLER))
                reply = await otf.read_reply(self._stream, MAX_RESPONSE_BYTES)
        except (OSError, asyncio.IncompleteReadError):  # TimeoutError is an OSError
            raise WorkerDiedError from None
        if reply.code != 200:
            raise WorkerDiedError

    async def ask(self, headers: Headers, body: bytes) -> HttpAnswer:
        """Has the worker answer one request. If it fails to, ends the process and raises WorkerDiedError."""
        try:
            async with asyncio.timeout(self._settings.response_timeout):
                self._writer.writelines(otf.inference_request(str(uuid.uuid4()), headers, body))
                await self._writer.drain()
                return _answer(await otf.read_reply(self._stream, MAX_RESPONSE_BYTES))
        except (OSError, asyncio.IncompleteReadError, otf.TooLongError):  # TimeoutError is an OSError
            self.kill()
            raise WorkerDiedError from None

    async def ended(self) -> None:
        """Waits for the process's end and its last line, and ends whatever it started."""
        if self._process is not None:
            await self._process.wait()
            self.kill()
            await self._copying

    def kill(self) -> None:
        """Ends the process and whatever it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _connect(self, process: asyncio.subprocess.Process) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while process.returncode is None:
            with suppress(OSError):
                return await asyncio.open_unix_connection(self._socket, limit=_READ_BUFFER)
            await asyncio.sleep(_CONNECT_PAUSE)
        raise WorkerDiedError


async def _copy_log(output: asyncio.StreamReader) -> None:
    # It writes whole lines, because several workers share the launcher's output.
    pending = b""
    while chunk := await output.read(1 << 16):
        *lines, pending = (pending + chunk).split(b"\n")
        _write(lines)
    if pending:
        _write([pending])


class Asgi:
    """The workers behind one queue of 100 requests."""

    def __init__(self, settings: ServerSettings, sockets: Path, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._sockets = sockets
        self._environment = environment
        self._workers: dict[int, Worker] = {}
        self._idle: deque[Worker] = deque()
        self._queue: deque[asyncio.Future[Worker]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def start(self) -> None:
        """Starts the workers, which report over their links."""
        _torchserve_package()
        self._keepers = [self._spawn(self._keep(number)) for number in range(self._settings.workers)]

    async def ended(self) -> str:
        """Waits until the workers are stopped. Whether starting them again is of use is for the links to tell."""
        await asyncio.gather(*self._keepers)
        return "The workers were stopped."

    async def open(self) -> None:
        """Does nothing, since the workers are all there is to wait for."""

    async def ping(self) -> None:
        """Returns at once: there is no server but this process, and a worker that hangs is ended after its timeout."""

    async def invoke(self, headers: Headers, body: bytes) -> HttpAnswer:
        """Returns what a worker answers, as TorchServe would pass it on."""
        if self._idle:
            worker = self._idle.popleft()
        elif len(self._queue) >= JOB_QUEUE_SIZE:
            return HttpAnswer.error(
                503,
                "ServiceUnavailableException",
                'Model "model" has no worker to serve inference request. Please use scale workers API to add workers. '
                "If this is a sequence inference, please check if it is closed, or expired; "
                "or exceeds maxSequenceJobQueueSize",
            )
        else:
            place: asyncio.Future[Worker] = asyncio.get_running_loop().create_future()
            self._queue.append(place)
            try:
                worker = await place
            except asyncio.CancelledError:
                if place.cancelled():
                    with suppress(ValueError):
                        self._queue.remove(place)
                else:
                    self._free(place.result())
                raise
        answer: asyncio.Future[HttpAnswer] = asyncio.get_running_loop().create_future()
        self._spawn(self._ask(worker, headers, body, answer))
        return await answer

    async def stop(self) -> None:
        """Ends the workers at once."""
        self._stopping = True
        for worker in self._workers.values():
            worker.kill()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for worker in self._workers.values():
            await worker.ended()

    async def _keep(self, number: int) -> None:
        """Keeps one worker running: restarts it when it ends, with longer and longer pauses if it cannot start."""
        pause = 0.0
        while not self._stopping:
            worker = self._workers[number] = Worker(self._settings, self._sockets, self._environment, number)
            try:
                await worker.start()
            except WorkerDiedError:
                worker.kill()
                await worker.ended()
                await asyncio.sleep(pause)
                pause = min(_LONGEST_BACKOFF, pause + 1)
            else:
                pause = 0.0
                self._free(worker)
                await worker.ended()
                with suppress(ValueError):
                    self._idle.remove(worker)

    async def _ask(self, worker: Worker, headers: Headers, body: bytes, answer: asyncio.Future[HttpAnswer]) -> None:
        # This runs as a task of its own, because the worker is busy until it has answered, even if the caller has gone.
        try:
            result = await worker.ask(headers, body)
            self._free(worker)
        except WorkerDiedError:
            result = HttpAnswer.error(500, "InternalServerException", "Worker died.")
        if not answer.done():
            answer.set_result(result)

    def _free(self, worker: Worker) -> None:
        while self._queue:
            place = self._queue.popleft()
            if not place.cancelled():
                place.set_result(worker)
                return
        self._idle.append(worker)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _answer(reply: otf.WorkerReply) -> HttpAnswer:
    prediction = reply.prediction
    if reply.code != 200 or prediction is None:
        return HttpAnswer.error(reply.code, "InternalServerException", reply.message)
    headers = {name.lower(): value for name, value in prediction.headers}
    if prediction.content_type:
        headers.setdefault("content-type", prediction.content_type)
    return HttpAnswer(prediction.status, forwarded_answer_headers(headers.items()), prediction.body)


def _torchserve_package() -> Path:
    spec = importlib.util.find_spec("ts")
    if spec is None or spec.origin is None:
        raise ModelServerError("TorchServe's Python package is not installed: install this package's `model` extra.")
    return Path(spec.origin).resolve().parent


def _write(lines: list[bytes]) -> None:
    # As TorchServe does, it leaves out the lines of measurements.
    sys.stdout.buffer.write(b"".join(line + b"\n" for line in lines if not line.startswith(b"[METRICS]")))
    sys.stdout.buffer.flush()
