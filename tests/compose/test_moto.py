"""Profile `moto`: moto's server in LocalStack's place."""

from __future__ import annotations

from harness.stack import load_stack
from tests.compose.conftest import Compose, free_port
from tests.compose.test_faults import invoke
from tests.end_to_end.deployed import STACK, DeployedStack


def test_moto_in_localstacks_place(compose: Compose) -> None:
    other = Compose(
        {
            **compose.environment,
            "COMPOSE_PROJECT_NAME": "sagemaker-harness-moto",
            "HARNESS_PORT": str(free_port()),
            "BACKEND_URL": "http://moto:5000",
        }
    )
    without_localstack = ("--scale", "localstack=0")
    try:
        other("--profile", "moto", "up", "-d", "--wait", *without_localstack, "harness", "moto")
        other("--profile", "moto", "up", "--no-recreate", "--exit-code-from", "deploy", *without_localstack, "deploy")
        assert invoke(DeployedStack(other.url, load_stack(STACK))) == 133
    finally:
        other("--profile", "moto", "down", "-v", "-t", "5", check=False)
