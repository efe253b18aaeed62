"""Runs `docker compose up` once for the session, on real containers, and always takes them down again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harness.stack.file import load_stack
from tests.end_to_end.deployed import ROOT, STACK, DeployedStack

UP_SECONDS = 600
MODELS = ("--scale", "model=3")


@dataclass(frozen=True)
class Compose:
    """A compose project with its own name and ports, so that it does not touch a user's own containers.

    healthy_seconds: time from built images to a healthy harness. load: processes for each core meanwhile.
    """

    environment: dict[str, str]
    healthy_seconds: float = 0.0
    load: float = 0.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.environment['HARNESS_PORT']}"

    def __call__(self, *arguments: str, check: bool = True, seconds: float = UP_SECONDS) -> str:
        done = subprocess.run(
            ["docker", "compose", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert not check or done.returncode == 0, f"{' '.join(arguments)}: {done.stderr[-2000:]}"
        return done.stdout + ("" if check else done.stderr)

    def deploy(self) -> None:
        """Runs the service ``deploy`` once more on the running containers."""
        self("up", "--no-recreate", "--exit-code-from", "deploy", *MODELS, "deploy")

    def containers(self, service: str) -> list[dict[str, Any]]:
        output = self("ps", "-a", "--format", "json", service)
        return [json.loads(line) for line in output.splitlines() if line]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def compose(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "version"], capture_output=True, check=False).returncode
    ):
        pytest.skip("no docker engine answers on this machine")
    project = Compose(own_environment("sagemaker-harness-tests", tmp_path_factory.mktemp("runs")))
    project("--profile", "load", "build", "-q")
    began = time.monotonic()
    try:
        project("up", "-d", "--wait", *MODELS, "harness")
        load = os.getloadavg()[0] / (os.cpu_count() or 1)
        project = replace(project, healthy_seconds=time.monotonic() - began, load=load)
        project.deploy()
        yield project
    finally:
        project("--profile", "load", "--profile", "moto", "down", "-v", "-t", "5", check=False)


def own_environment(name: str, runs: Path) -> dict[str, str]:
    return {
        "COMPOSE_PROJECT_NAME": name,
        "HARNESS_PORT": str(free_port()),
        "LOCUST_PORT": str(free_port()),
        "HARNESS_VERSION": "tests",
        "MODEL_CPUS": "1",
        "MODEL_WORKERS": "1",
        "HARNESS_RUNS": str(runs),
        # If there are wheels (`make wheels`), the build uses nothing else.
        "PIP_NO_INDEX": "1" if any((ROOT / "wheelhouse").glob("*.whl")) else "",
        "HARNESS_UID": str(os.getuid()),
        "HARNESS_GID": str(os.getgid()),
    }


@pytest.fixture(scope="session")
def deployed(compose: Compose) -> DeployedStack:
    return DeployedStack(compose.url, load_stack(Path(STACK)))
