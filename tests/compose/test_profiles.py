"""The profiles `load` and `moto`, and LAMBDA=localstack."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from harness.capacity.report import build_report
from harness.deploy import zip_code
from harness.load.runs import list_runs, read_run
from harness.stack import load_stack
from tests.compose.conftest import MODELS, Compose, free_port
from tests.compose.helpers import invoke, until
from tests.end_to_end.deployed import EVENT, STACK, DeployedStack


@contextmanager
def project(compose: Compose, name: str, **environment: str) -> Iterator[tuple[Compose, DeployedStack]]:
    """Another project beside the suite's, taken down with everything that it made."""
    own = {"COMPOSE_PROJECT_NAME": f"sagemaker-harness-{name}", "HARNESS_PORT": str(free_port())}
    other = Compose({**compose.environment, **own, **environment})
    try:
        yield other, DeployedStack(other.url, load_stack(STACK))
    finally:
        other("--profile", "moto", "down", "-v", "-t", "5", check=False)


def test_load_brings_locusts_page_and_workers_whose_run_stays_readable(compose: Compose) -> None:
    page = f"http://127.0.0.1:{compose.environment['LOCUST_PORT']}"
    compose("--profile", "load", "up", "-d", "--no-recreate", *MODELS, "locust", "locust-worker")

    def state() -> dict[str, object]:
        with urllib.request.urlopen(f"{page}/stats/requests", timeout=5) as answer:
            return dict(json.load(answer))

    until(lambda: state()["state"] == "ready" and state()["workers"], "locust's page and its worker")
    form = b"user_count=1&spawn_rate=1&user_classes=EndpointJpeg"
    urllib.request.urlopen(f"{page}/swarm", data=form, timeout=10).close()
    runs = Path(compose.environment["HARNESS_RUNS"])
    until(lambda: sum(read_run(folder).requests.num_rows for folder in list_runs(runs)) > 5, "recorded requests")
    # As `docker compose down` does in mid-run.
    compose("--profile", "load", "stop", "-t", "5", "locust", "locust-worker")
    (folder,) = list_runs(runs)
    assert read_run(folder).requests.num_rows > 0
    assert build_report(folder).exists()


def test_moto_in_localstacks_place(compose: Compose) -> None:
    with project(compose, "moto", BACKEND_URL="http://moto:5000") as (other, deployed):
        other("--profile", "moto", "up", "-d", "--scale", "localstack=0")
        other("wait", "deploy")
        assert other.containers("localstack") == []
        assert invoke(deployed) == 133


def test_lambda_may_be_localstacks_own(compose: Compose) -> None:
    """Its functions are then out of the harness's sight: no concurrency of its own, and no access check."""
    with project(compose, "lambda", LAMBDA="localstack") as (other, deployed):
        other("up", "-d", "--wait", "--no-deps", "localstack", "harness")
        client, function = deployed.client("lambda"), deployed.stack.function
        assert function is not None
        client.create_function(
            FunctionName="dog-breed",
            Role="arn:aws:iam::000000000000:role/any",
            Handler=function.handler,
            Runtime=function.runtime,
            Code={"ZipFile": zip_code(deployed.stack.path(function.code))},
        )
        assert "lambda.CreateFunction => 201" in other("logs", "localstack")
        # Without the docker socket there is nothing that LocalStack could run a function in, and it says so.
        until(lambda: state(deployed) == "Failed", "LocalStack's word that it cannot run it")
        with pytest.raises(ClientError, match="currently in the following state: Failed"):
            client.invoke(FunctionName="dog-breed", Payload=json.dumps(EVENT))


def state(deployed: DeployedStack) -> str:
    return str(deployed.client("lambda").get_function(FunctionName="dog-breed")["Configuration"]["State"])
