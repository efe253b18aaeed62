"""What is true of the containers themselves, and what happens when one of them goes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.load.runs import list_runs, read_run
from tests.compose.conftest import Compose
from tests.end_to_end.deployed import PHOTO, DeployedStack


def inspect(name: str) -> dict[str, Any]:
    done = subprocess.run(["docker", "inspect", name], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout)[0])


def until(condition: Callable[[], Any], what: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except (ClientError, AssertionError, OSError):
            pass
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(1)


def invoke(deployed: DeployedStack) -> int:
    runtime = deployed.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="dog-breed-endpoint", ContentType="image/jpeg", Body=PHOTO)
    return len(json.loads(answer["Body"].read())[0])


class TestContainers:
    @pytest.mark.parametrize("service", ["harness", "model"])
    def test_hardened(self, compose: Compose, service: str) -> None:
        for container in compose.containers(service):
            found = inspect(container["Name"])
            assert found["HostConfig"]["ReadonlyRootfs"]
            assert found["HostConfig"]["CapDrop"] == ["ALL"]
            assert found["Config"]["User"] not in ("", "root", "0")
            assert not any("docker.sock" in mount["Source"] for mount in found["Mounts"])

    def test_nothing_is_published_beyond_loopback(self, compose: Compose) -> None:
        published = []
        for service in ("harness", "model", "localstack"):
            for container in compose.containers(service):
                ports = inspect(container["Name"])["NetworkSettings"]["Ports"]
                published += [(service, binding["HostIp"]) for bindings in ports.values() for binding in bindings or ()]
        assert published == [("harness", "127.0.0.1")]

    def test_no_secret_in_an_image(self, compose: Compose) -> None:
        for image in ("sagemaker-harness:tests", "sagemaker-harness-model:tests"):
            environment = inspect(image)["Config"]["Env"]
            assert not [
                entry for entry in environment if any(word in entry.upper() for word in ("SECRET", "TOKEN", "PASSWORD"))
            ]

    def test_both_model_containers_are_there_and_one_is_in_service(
        self, compose: Compose, deployed: DeployedStack
    ) -> None:
        assert len(compose.containers("model")) == 2
        (variant,) = deployed.client("sagemaker").describe_endpoint(EndpointName="dog-breed-endpoint")[
            "ProductionVariants"
        ]
        assert variant["CurrentInstanceCount"] == 1


class TestFaults:
    def test_a_killed_model_container_is_replaced(self, compose: Compose, deployed: DeployedStack) -> None:
        log = compose("logs", "harness")
        address = log.rsplit("instance on the container at http://", 1)[1].split(":")[0]
        for container in compose.containers("model"):
            networks = inspect(container["Name"])["NetworkSettings"]["Networks"].values()
            if address in [network["IPAddress"] for network in networks]:
                # Not `docker kill`, which the engine takes for a wish: the process itself, as the kernel would kill it.
                os.kill(inspect(container["Name"])["State"]["Pid"], signal.SIGKILL)
        until(lambda: invoke(deployed) == 133, "an answer of the other container")
        until(
            lambda: all(one["Health"] == "healthy" for one in compose.containers("model")), "the killed one, restarted"
        )

    def test_localstack_restarted_in_mid_run(self, compose: Compose, deployed: DeployedStack) -> None:
        """The harness reconnects; what LocalStack held in memory is gone, and a deployment puts it back."""
        compose("restart", "-t", "5", "localstack")
        assert invoke(deployed) == 133, "an endpoint in service needs no backend"
        until(lambda: deployed.client("s3").list_buckets()["Buckets"] == [], "LocalStack, empty")
        compose("up", "--no-recreate", "--exit-code-from", "deploy", "--scale", "model=2", "deploy")
        until(lambda: invoke(deployed) == 133, "an answer after the deployment")

    def test_a_port_that_is_taken_is_said_by_compose(self, compose: Compose) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            other = Compose(
                {
                    **compose.environment,
                    "COMPOSE_PROJECT_NAME": "sagemaker-harness-other",
                    "HARNESS_PORT": str(taken.getsockname()[1]),
                }
            )
            try:
                said = other("up", "-d", "--no-deps", "harness", check=False)
            finally:
                other("down", "-v", "-t", "1", check=False)
        assert "address already in use" in said or "port is already allocated" in said


class TestProfiles:
    def test_load_brings_locusts_page_and_workers(self, compose: Compose) -> None:
        page = f"http://127.0.0.1:{compose.environment['LOCUST_PORT']}"
        compose("--profile", "load", "up", "-d", "--no-recreate", "--scale", "model=2", "locust", "locust-worker")

        def ready() -> bool:
            with urllib.request.urlopen(f"{page}/stats/requests", timeout=5) as answer:
                return bool(json.load(answer)["state"] == "ready")

        until(ready, "locust's page")
        form = b"user_count=1&spawn_rate=1&user_classes=EndpointJpeg"
        urllib.request.urlopen(f"{page}/swarm", data=form, timeout=10).close()
        time.sleep(8)
        # `docker compose down` in mid-run: the stored run stays readable.
        compose("--profile", "load", "stop", "-t", "5", "locust", "locust-worker")
        (folder,) = list_runs(Path(compose.environment["HARNESS_RUNS"]))
        assert read_run(folder).requests.num_rows > 0
