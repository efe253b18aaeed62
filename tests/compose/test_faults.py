"""What happens when a container goes, and what is said of it."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from harness.load.runs import list_runs, read_run
from harness.report.run import build_report
from tests.compose.conftest import MODELS, Compose
from tests.compose.helpers import ENDPOINT, inspect, invoke, load, project, until
from tests.end_to_end.deployed import STACK, DeployedStack


def scale(deployed: DeployedStack, count: int) -> None:
    sagemaker = deployed.client("sagemaker")
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": count}]
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=ENDPOINT, DesiredWeightsAndCapacities=wanted)
    until(lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService", "InService")
    (variant,) = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == count


def taken_last(compose: Compose) -> str:
    """The address of the container that an instance took last."""
    return compose("logs", "harness").rsplit("instance on the container at http://", 1)[1].split(":")[0]


def test_a_model_container_killed_under_load_is_replaced_and_the_others_serve(
    compose: Compose, deployed: DeployedStack
) -> None:
    scale(deployed, 2)
    address = taken_last(compose)
    with load(deployed, callers=4) as result:
        until(lambda: result.answered > 20, "answers")
        for container in compose.containers("model"):
            found = inspect(container["Name"])
            if address in [network["IPAddress"] for network in found["NetworkSettings"]["Networks"].values()]:
                # Not `docker kill`, which the engine takes for a wish: the process itself, as the kernel would kill it.
                os.kill(found["State"]["Pid"], signal.SIGKILL)
        until(lambda: "ended and is replaced" in compose("logs", "harness"), "the loss, noticed")
        until(lambda: taken_last(compose) != address, "another container in its place")
        answered = result.answered
        until(lambda: result.answered > answered + 40, "answers afterwards")
    # What was in flight on the killed one, and what met it before it was found dead.
    assert len(result.failures) <= 8, result.failures
    until(lambda: all(one["Health"] == "healthy" for one in compose.containers("model")), "the killed one, restarted")
    scale(deployed, 1)


def test_localstack_restarted_under_load(compose: Compose, deployed: DeployedStack) -> None:
    """The harness reconnects and says what was lost, and a deployment puts it back; the endpoint serves meanwhile."""
    with load(deployed) as result:
        compose("restart", "-t", "5", "localstack")
        until(lambda: deployed.client("s3").list_buckets()["Buckets"] == [], "LocalStack, empty")
        until(lambda: "is back after" in compose("logs", "harness"), "what was lost")
    assert result.answered > 0
    assert result.failures == []
    said = next(line for line in compose("logs", "harness").splitlines() if "is back after" in line)
    for lost in ("role/dog-breed-lambda", "dog-breed-models/dog-breed/dog-breed/model.tar.gz", "deploy again"):
        assert lost in said
    compose.deploy()
    assert invoke(deployed) == 133


def test_a_harness_that_restarted_says_that_what_it_held_is_gone(compose: Compose, deployed: DeployedStack) -> None:
    compose("restart", "-t", "5", "harness")
    until(lambda: deployed.client("s3").list_buckets()["Buckets"] != [], "the harness")
    with pytest.raises(ClientError, match="not found"):  # it was a thing of the process that ended
        invoke(deployed)
    until(lambda: "still holds what was put there before" in compose("logs", "harness"), "what is gone")
    compose.deploy()
    assert invoke(deployed) == 133


def test_a_port_that_is_taken_is_said_by_compose(compose: Compose) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with project(compose, "other", STACK, HARNESS_PORT=str(taken.getsockname()[1])) as (other, _):
            said = other("up", "-d", "--no-deps", "harness", check=False)
    assert "address already in use" in said or "port is already allocated" in said


def test_too_little_memory_is_said_by_the_model_container(compose: Compose) -> None:
    with project(compose, "small", STACK, MODEL_MEMORY="300m") as (small, _):
        small("up", "-d", "model")
        until(lambda: "A memory limit of 315 MB is little for 1 worker" in small("logs", "model"), "the warning")
        until(lambda: inspect(small.containers("model")[0]["Name"])["RestartCount"] > 0, "its end")
        assert "MODEL_MEMORY" in small("logs", "model")


def test_up_again_leaves_the_containers_alone_and_deploys_the_same(compose: Compose, deployed: DeployedStack) -> None:
    """The deployment replaces the endpoint, as `harness deploy` does."""

    def running() -> set[str]:
        return {one["ID"] for service in ("harness", "localstack", "model") for one in compose.containers(service)}

    before = running()
    compose("up", "-d", *MODELS)
    compose("wait", "deploy")
    assert running() == before
    assert invoke(deployed) == 133


def test_down_in_the_middle_of_a_locust_run_and_up_again(compose: Compose, deployed: DeployedStack) -> None:
    """The run and the model data are kept; everything else is gone, and `up` deploys it anew."""
    compose("--profile", "load", "up", "-d", "--no-recreate", *MODELS, "locust", "locust-worker")
    page = f"http://127.0.0.1:{compose.environment['LOCUST_PORT']}"

    def state() -> dict[str, object]:
        with urllib.request.urlopen(f"{page}/stats/requests", timeout=5) as answer:
            return dict(json.load(answer))

    until(lambda: state()["state"] == "ready" and state()["workers"], "locust's page and its worker")
    form = b"user_count=1&spawn_rate=1&user_classes=EndpointJpeg"
    urllib.request.urlopen(f"{page}/swarm", data=form, timeout=10).close()
    runs = Path(compose.environment["HARNESS_RUNS"])
    until(lambda: sum(read_run(folder).requests.num_rows for folder in list_runs(runs)) > 5, "recorded requests")
    until(lambda: state()["state"] == "running", "the run")  # the page keeps its figures for two seconds
    compose("--profile", "load", "down", "-t", "5")
    (folder,) = list_runs(runs)
    assert read_run(folder).requests.num_rows > 5
    assert build_report(folder).exists()

    began = time.monotonic()
    compose("up", "-d", "--scale", "model=2")
    compose("wait", "deploy")  # fails as the deployment does
    assert time.monotonic() - began < 120
    assert invoke(deployed) == 133
    assert "holds no bucket yet: nothing is deployed" in compose("logs", "harness")
    assert "Building" not in compose("logs", "model-data")
