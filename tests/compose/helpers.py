"""Helpers of the containers' tests: what they ask docker for, and the load that they put on the endpoint meanwhile."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from harness.stack.file import load_stack
from tests.compose.conftest import Compose, free_port
from tests.end_to_end.deployed import PHOTO, DeployedStack

ENDPOINT = "dog-breed-endpoint"


def docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True).stdout


def inspect(name: str) -> dict[str, Any]:
    return dict(json.loads(docker("inspect", name))[0])


@contextmanager
def project(compose: Compose, name: str, stack: Path, **environment: str) -> Iterator[tuple[Compose, DeployedStack]]:
    """Another compose project beside the suite's. It is taken down with everything that it made."""
    own_settings = {"COMPOSE_PROJECT_NAME": f"sagemaker-harness-{name}", "HARNESS_PORT": str(free_port())}
    other = Compose({**compose.environment, **own_settings, **environment})
    try:
        yield other, DeployedStack(other.url, load_stack(stack))
    finally:
        other("--profile", "moto", "down", "-v", "-t", "5", check=False)


def until(condition: Callable[[], Any], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (BotoCoreError, ClientError, AssertionError, OSError):
            pass
        assert time.monotonic() < end, f"no {what} within {seconds} s"
        time.sleep(0.5)


def invoke(deployed: DeployedStack) -> int:
    """Invokes the endpoint and returns how many breeds its answer has."""
    runtime = deployed.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName=ENDPOINT, ContentType="image/jpeg", Body=PHOTO)
    return len(json.loads(answer["Body"].read())[0])


@dataclass
class Load:
    """The results of the requests so far."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)


@contextmanager
def load(deployed: DeployedStack, callers: int = 2) -> Iterator[Load]:
    """Each caller sends one request after the other, as long as the context lasts."""
    result, ended, lock = Load(), threading.Event(), threading.Lock()

    def call() -> None:
        while not ended.is_set():
            try:
                assert invoke(deployed) == 133
            except (BotoCoreError, ClientError, AssertionError) as error:
                with lock:
                    result.failures.append(str(error))
            else:
                with lock:
                    result.answered += 1

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield result
    finally:
        ended.set()
        for thread in threads:
            thread.join()
