"""What happens when a container ends, and what the logs say about it."""

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
    change = {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
    sagemaker.update_endpoint_weights_and_capacities(EndpointName=ENDPOINT, DesiredWeightsAndCapacities=[change])
    until(
        lambda: sagemaker.describe_endpoint(EndpointName=ENDPOINT)["EndpointStatus"] == "InService",
        "endpoint in service",
    )
    (variant,) = sagemaker.describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    assert variant["CurrentInstanceCount"] == count


def newest_container(compose: Compose) -> str:
    """The address of the container that came into service last."""
    return compose("logs", "harness").rsplit("instance on the container at http://", 1)[1].split(":")[0]


def test_a_model_container_killed_under_load_is_replaced_and_the_others_serve(
    compose: Compose, deployed: DeployedStack
) -> None:
    scale(deployed, 2)
    address = newest_container(compose)
    with load(deployed, callers=4) as result:
        until(lambda: result.answered > 20, "answers")
        for container in compose.containers("model"):
            details = inspect(container["Name"])
            if address in [network["IPAddress"] for network in details["NetworkSettings"]["Networks"].values()]:
                # Not by `docker kill`, after which the engine would not restart the container.
                os.kill(details["State"]["Pid"], signal.SIGKILL)
        until(lambda: "and is replaced" in compose("logs", "harness"), "log line about the loss")
        until(lambda: newest_container(compose) != address, "other container in its place")
        answered = result.answered
        until(lambda: result.answered > answered + 40, "further answers")
    # Those in flight on the killed container, and those that were sent to it before the harness noticed.
    assert len(result.failures) <= 8, result.failures
    until(
        lambda: all(container["Health"] == "healthy" for container in compose.containers("model")),
        "restart of the killed container",
    )
    scale(deployed, 1)


def test_localstack_restarted_under_load(compose: Compose, deployed: DeployedStack) -> None:
    """The harness reconnects and logs what was lost, and a deployment puts it back. The endpoint serves meanwhile."""
    with load(deployed) as result:
        compose("restart", "-t", "5", "localstack")
        until(lambda: deployed.client("s3").list_buckets()["Buckets"] == [], "answer of an empty LocalStack")
        until(lambda: "is back after" in compose("logs", "harness"), "log line about what was lost")
    assert result.answered > 0
    assert result.failures == []
    log_line = next(line for line in compose("logs", "harness").splitlines() if "is back after" in line)
    for lost in ("dog-breed-models/dog-breed/dog-breed/model.tar.gz", "deploy again"):
        assert lost in log_line
    compose.deploy()
    assert invoke(deployed) == 133


def test_a_restarted_harness_logs_that_its_endpoints_are_gone(compose: Compose, deployed: DeployedStack) -> None:
    compose("restart", "-t", "5", "harness")
    until(lambda: deployed.client("s3").list_buckets()["Buckets"] != [], "answer of the harness")
    with pytest.raises(ClientError, match="not found"):  # the endpoint ended with the process
        invoke(deployed)
    until(lambda: "still holds what was put there before" in compose("logs", "harness"), "log line about what is gone")
    compose.deploy()
    assert invoke(deployed) == 133


def test_compose_names_a_port_that_is_taken(compose: Compose) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with project(compose, "other", STACK, HARNESS_PORT=str(taken.getsockname()[1])) as (other, _):
            output = other("up", "-d", "--no-deps", "harness", check=False)
    assert "address already in use" in output or "port is already allocated" in output


def test_a_model_container_with_too_little_memory_says_so(compose: Compose) -> None:
    with project(compose, "small", STACK, MODEL_MEMORY="300m") as (small, _):
        small("up", "-d", "model")
        until(lambda: "A memory limit of 315 MB is little for 1 worker" in small("logs", "model"), "warning")
        until(lambda: inspect(small.containers("model")[0]["Name"])["RestartCount"] > 0, "restart")
        assert "MODEL_MEMORY" in small("logs", "model")


def test_up_again_leaves_the_containers_alone_and_deploys_the_same(compose: Compose, deployed: DeployedStack) -> None:
    """Like `harness deploy`, the deployment replaces the endpoint."""

    def running() -> set[str]:
        services = ("harness", "localstack", "model")
        return {container["ID"] for service in services for container in compose.containers(service)}

    before = running()
    compose("up", "-d", *MODELS)
    compose("wait", "deploy")
    assert running() == before
    assert invoke(deployed) == 133


def test_down_during_a_locust_run_and_up_again(compose: Compose, deployed: DeployedStack) -> None:
    """The run and the model data are kept. Everything else is gone, and `up` deploys it again."""
    compose("--profile", "load", "up", "-d", "--no-recreate", *MODELS, "locust", "locust-worker")
    page = f"http://127.0.0.1:{compose.environment['LOCUST_PORT']}"

    def state() -> dict[str, object]:
        with urllib.request.urlopen(f"{page}/stats/requests", timeout=5) as answer:
            return dict(json.load(answer))

    until(lambda: state()["state"] == "ready" and state()["workers"], "page of locust with a worker")
    form = b"user_count=1&spawn_rate=1&user_classes=EndpointJpeg"
    urllib.request.urlopen(f"{page}/swarm", data=form, timeout=10).close()
    runs = Path(compose.environment["HARNESS_RUNS"])
    until(lambda: sum(read_run(folder).requests.num_rows for folder in list_runs(runs)) > 5, "recorded requests")
    until(lambda: state()["state"] == "running", "running load")  # the page keeps its figures for two seconds
    compose("--profile", "load", "down", "-t", "5")
    (folder,) = list_runs(runs)
    assert read_run(folder).requests.num_rows > 5
    assert build_report(folder).exists()

    began = time.monotonic()
    compose("up", "-d", "--scale", "model=2")
    compose("wait", "deploy")  # fails if the deployment fails
    assert time.monotonic() - began < 120
    assert invoke(deployed) == 133
    assert "holds no bucket yet: nothing is deployed" in compose("logs", "harness")
    assert "Building" not in compose("logs", "model-data")
