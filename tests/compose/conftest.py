"""`docker compose up`, once for the session, on real containers; always taken down again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.stack import load_stack
from tests.end_to_end.deployed import ROOT, STACK, DeployedStack

UP_SECONDS = 600


@dataclass(frozen=True)
class Compose:
    """A project of its own name and port, so that a user's own containers are left alone."""

    environment: dict[str, str]

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

    def containers(self, service: str) -> list[dict[str, Any]]:
        said = self("ps", "-a", "--format", "json", service)
        return [json.loads(line) for line in said.splitlines() if line]


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
    environment = {
        "COMPOSE_PROJECT_NAME": "sagemaker-harness-tests",
        "HARNESS_PORT": str(free_port()),
        "LOCUST_PORT": str(free_port()),
        "HARNESS_VERSION": "tests",
        "MODEL_CPUS": "1",
        "MODEL_WORKERS": "1",
        "HARNESS_RUNS": str(tmp_path_factory.mktemp("runs")),
        "HARNESS_UID": str(os.getuid()),
        "HARNESS_GID": str(os.getgid()),
    }
    project = Compose(environment)
    project("--profile", "load", "build", "-q")
    try:
        project("up", "-d", "--wait", "--scale", "model=2", "harness")
        project("up", "--no-recreate", "--exit-code-from", "deploy", "--scale", "model=2", "deploy")
        yield project
    finally:
        project("--profile", "load", "--profile", "moto", "down", "-v", "-t", "5", check=False)


@pytest.fixture(scope="session")
def deployed(compose: Compose) -> DeployedStack:
    return DeployedStack(compose.url, load_stack(Path(STACK)))
