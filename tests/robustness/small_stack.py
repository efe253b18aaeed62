"""A small stack (a function and an endpoint of twins) on a local AWS in a process of its own, for harsh tests."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import LocalAwsOptions
from harness.testing.aws import Aws, local_aws
from harness.testing.clock import HarnessClock
from harness.testing.stacks import EndpointUnderTest, FunctionUnderTest, StackDeployer, StackUnderTest
from tests.profiles import a_profile

LAMBDA = """
import json, os

import boto3

runtime = boto3.client("sagemaker-runtime")


def handler(event, context):
    answer = runtime.invoke_endpoint(EndpointName="small", ContentType="application/json", Body=json.dumps(event))
    return {"statusCode": 200, "pid": os.getpid(), "body": answer["Body"].read().decode()}
"""
STACK = """
name = "small"
bucket = "small-models"
[roles.caller]
trust = "lambda.amazonaws.com"
policies = ["invoke.json"]
[roles.server]
trust = "sagemaker.amazonaws.com"
[models.small]
role = "server"
image = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
model_data = "s3://small-models/model.tar.gz"
[endpoint]
name = "small"
[endpoint.production_variants.AllTraffic]
model = "small"
[function]
name = "small"
role = "caller"
code = "code"
handler = "app.handler"
timeout = 30
environment = { VARIABLES }
event = "event.json"
[scaling.variants.AllTraffic]
min_capacity = 1
max_capacity = 3
[scaling.variants.AllTraffic.target_tracking.invocations]
target_value = TARGET
scale_in_cooldown = 300
scale_out_cooldown = 60
[local]
instances = "twin"
profile = "profile.json"
"""
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["sagemaker:InvokeEndpoint", "logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": "*",
        }
    ],
}


def write_stack(folder: Path, *, code: str = LAMBDA, variables: Mapping[str, str] = {}, target: int = 300) -> Path:
    """Writes the stack's files. variables: of the function's environment. target: invocations a minute per instance."""
    (folder / "code").mkdir(parents=True, exist_ok=True)
    (folder / "code" / "app.py").write_text(code)
    (folder / "event.json").write_text('{"name": "you"}')
    (folder / "invoke.json").write_text(json.dumps(POLICY))
    (folder / "profile.json").write_text(a_profile().to_json())
    (folder / "stack.toml").write_text(
        STACK.replace("TARGET", str(target)).replace(
            "VARIABLES", ", ".join(f'{name} = "{value}"' for name, value in variables.items())
        )
    )
    return folder / "stack.toml"


@dataclass(frozen=True)
class TwinStack:
    """The deployed stack. pid: of the local AWS's process; state: its folder, with its log."""

    aws: Aws
    deployed: StackUnderTest
    pid: int
    state: Path

    @property
    def function(self) -> FunctionUnderTest:
        return self.deployed.function

    @property
    def endpoint(self) -> EndpointUnderTest:
        return self.deployed.endpoint

    @property
    def clock(self) -> HarnessClock:
        return self.aws.clock

    def processes(self) -> list[psutil.Process]:
        """The process of the local AWS and all processes that it started, also those in sessions of their own."""
        own = psutil.Process(self.pid)
        return [own, *own.children(recursive=True)]

    @property
    def log(self) -> str:
        return (self.state / "harness.log").read_text(errors="replace")


@contextlib.contextmanager
def twin_stack(folder: Path, options: LocalAwsOptions | None = None, **how: Any) -> Iterator[TwinStack]:
    """Starts a local AWS, deploys the stack, and stops it. folder: for the stack's files and the local AWS's state."""
    file = write_stack(folder / "stack", **how)
    state = folder / f"state-{uuid.uuid4().hex[:6]}"
    with local_aws(state, dataclasses.replace(options or LocalAwsOptions(), port=0)) as aws:
        deployed = StackDeployer(aws).get(file)
        yield TwinStack(aws, deployed, int(LocalAwsClient(aws.url).health()["pid"]), state)


def left_behind(since: set[int]) -> list[psutil.Process]:
    """The harness's processes that were not there before, found by their command lines."""
    started = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if process.pid not in since and any(word in line for word in ("harness.", "model_server", "bootstrap.py")):
            started.append(process)
    return [process for process in started if process.pid != os.getpid()]
