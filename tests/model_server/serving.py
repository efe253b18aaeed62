"""Real model servers for tests: started as the harness starts them, asked over HTTP, ended with their test."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).resolve().parents[2]
DOG_BREED = ROOT / "fixtures" / "dog_breed"
SERVERS = ("torchserve", "asgi")
START_SECONDS = 120.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Wait for a condition of another process, which no injected clock reaches."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


class ModelServer:
    """A launcher process and its log."""

    def __init__(
        self, model_dir: Path, server: str, *options: str, environment: Mapping[str, str] | None = None
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "model_server", "--model-dir", str(model_dir), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "--server", server, *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.session = requests.Session()
        self.session.trust_env = False

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def ping(self) -> int:
        """The status of GET /ping; 0 when nobody listens."""
        try:
            return self.session.get(f"{self.url}/ping", timeout=10).status_code
        except requests.ConnectionError:
            return 0

    def wait_ready(self) -> ModelServer:
        def answered() -> bool:
            assert self.process.poll() is None, self.log
            return self.ping() == 200

        until(answered, START_SECONDS, f"ready\n{self.log}")
        return self

    def post(self, body: bytes | str, content_type: str | None = None, **headers: str) -> requests.Response:
        sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if content_type is not None:
            sent_headers["Content-Type"] = content_type
        return self.session.post(f"{self.url}/invocations", data=body, headers=sent_headers, timeout=90)

    def descendants(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def wait_ended(self, seconds: float) -> int:
        status = self.process.wait(seconds)
        self._reader.join(5)
        return status

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        self._reader.join(5)
        self.session.close()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))


@contextmanager
def serving(
    model_dir: Path, server: str, *options: str, environment: Mapping[str, str] | None = None
) -> Iterator[ModelServer]:
    """A model server that may still be loading."""
    model_server = ModelServer(model_dir, server, *options, environment=environment)
    try:
        yield model_server
    finally:
        model_server.close()


def write_model(model_dir: Path, **code: str) -> Path:
    """A model folder with these modules under code/ (``inference="..."`` is code/inference.py)."""
    (model_dir / "code").mkdir(parents=True)
    for name, text in code.items():
        (model_dir / "code" / f"{name}.py").write_text(text)
    return model_dir
