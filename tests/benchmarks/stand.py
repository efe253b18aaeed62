"""What the benchmarks measure: a harness in its own process with endpoints of twins, and moto's server as its peer."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from harness.backend.client import connect
from harness.core.profile import Profile
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.daemon import TemporaryLocalAws
from harness.local_aws.options import LocalAwsOptions
from tests.model_server.serving import free_port, until

REGION = "us-east-1"
IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"


@dataclass
class Harness:
    """A local AWS in a process of its own."""

    url: str
    pid: int

    def client(self, service: str) -> Any:
        return connect(service, self.url, REGION, "test", "test")

    def endpoint(self, name: str, profile: Profile, instances: int = 1) -> str:
        """Creates an endpoint of twins of the profile, waits until it serves and returns its name."""
        trust = {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = self.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        sagemaker = self.client("sagemaker")
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE})
        variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.m5.large"}
        routing = {"RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}}
        sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[{**variant, **routing, "InitialInstanceCount": instances}]
        )
        settings = {"instances": "twin", "profile": profile.model_dump(mode="json")}
        LocalAwsClient(self.url).put_endpoint(name, settings)
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)

        def serves() -> bool:
            description = sagemaker.describe_endpoint(EndpointName=name)
            assert description["EndpointStatus"] != "Failed", description["FailureReason"]
            return bool(description["EndpointStatus"] == "InService")

        until(serves, 120, f"{name} in service")
        return name

    def twin_host(self) -> psutil.Process:
        children = psutil.Process(self.pid).children()
        return next(child for child in children if "twin.host" in " ".join(child.cmdline()))

    def twins(self) -> list[str]:
        """The URLs at which the twins listen."""
        connections = self.twin_host().net_connections("tcp")
        ports = sorted(connection.laddr.port for connection in connections if connection.status == "LISTEN")
        return [f"http://127.0.0.1:{port}" for port in ports]


@contextlib.contextmanager
def harness(folder: Path) -> Iterator[Harness]:
    with TemporaryLocalAws(folder, LocalAwsOptions(port=0)) as running:
        yield Harness(running.url, running.pid)


@contextlib.contextmanager
def moto_server() -> Iterator[str]:
    """The peer: moto's own server, whose InvokeEndpoint answers with a canned body and asks no container."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        env={**os.environ, "MOTO_SERVICE": ""},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        connect("sts", url, REGION, "test", "test")
        end = time.monotonic() + 30
        while True:
            try:
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            except OSError:
                assert time.monotonic() < end, "moto's server did not come up"
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()
