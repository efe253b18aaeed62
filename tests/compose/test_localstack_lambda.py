"""LAMBDA=localstack: functions in containers that LocalStack starts through the engine's socket."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from harness.stack.function_code import zip_code
from tests.compose.conftest import Compose
from tests.compose.helpers import project, until
from tests.end_to_end.deployed import EVENT, STACK, DeployedStack


def test_without_the_docker_socket_localstack_says_that_it_cannot_run_functions(compose: Compose) -> None:
    with project(compose, "lambda", STACK, LAMBDA="localstack") as (other, deployed):
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
        until(lambda: state(deployed) == "Failed", "state Failed of the function")
        with pytest.raises(ClientError, match="currently in the following state: Failed"):
            client.invoke(FunctionName="dog-breed", Payload=json.dumps(EVENT))


def state(deployed: DeployedStack) -> str:
    return str(deployed.client("lambda").get_function(FunctionName="dog-breed")["Configuration"]["State"])
