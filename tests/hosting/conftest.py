"""An endpoint on the real model server (without Java: the contract is the same and the start is quicker)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness.core.clock import VirtualClock
from harness.local_aws.client import LocalAwsClient
from tests.hosting.hands import IMAGE, Hands, Held
from tests.hosting.models import ECHO, model_tar
from tests.support import Aws, running_aws, unique


@dataclass(frozen=True)
class Deployed:
    aws: Aws
    name: str

    def invoke(self, document: Any, **members: Any) -> dict[str, Any]:
        runtime = self.aws.client("sagemaker-runtime", read_timeout=70)
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        answer = runtime.invoke_endpoint(EndpointName=self.name, Body=body, ContentType="application/json", **members)
        return {**answer, "Body": answer["Body"].read()}

    def describe(self) -> dict[str, Any]:
        return dict(self.aws.client("sagemaker").describe_endpoint(EndpointName=self.name))


def create_endpoint(aws: Aws, archive: bytes, *, instances: int = 1, **model: Any) -> Deployed:
    """Creates a model, a configuration and an endpoint of one new name, and does not wait."""
    name, s3, sagemaker = unique("Echo"), aws.client("s3"), aws.client("sagemaker")
    bucket = name.lower()
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=archive)
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{bucket}/model.tar.gz",
        "Environment": {"GREETING": "hello", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
    }
    role = aws.role(service="sagemaker.amazonaws.com")
    sagemaker.create_model(ModelName=name, **{"ExecutionRoleArn": role, "PrimaryContainer": {**container, **model}})
    variant = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.t2.medium"}
    sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[{**variant, "InitialInstanceCount": instances}]
    )
    LocalAwsClient(aws.url).put_endpoint(name, {"server": "asgi"})
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return Deployed(aws, name)


def settled(endpoint: Deployed, seconds: float = 120) -> dict[str, Any]:
    """The endpoint's description once it is no longer Creating."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        description = endpoint.describe()
        if description["EndpointStatus"] != "Creating":
            return description
        time.sleep(0.1)
    raise AssertionError(f"{endpoint.name} is still Creating")


@pytest.fixture(scope="session")
def echo(aws: Aws) -> Iterator[Deployed]:
    endpoint = create_endpoint(aws, model_tar(ECHO))
    assert settled(endpoint)["EndpointStatus"] == "InService"
    yield endpoint
    aws.client("sagemaker").delete_endpoint(EndpointName=endpoint.name)


@pytest.fixture(scope="session")
def _held() -> Iterator[Held]:
    hands, clock = Hands(), VirtualClock(1_700_000_000 // 60 * 60)
    with running_aws(clock=clock) as aws:
        # As if a package had registered the kind, but for this one harness only.
        aws.local.hosting._builder._kinds._kinds["hand"] = hands
        yield Held(aws, hands, clock)


@pytest.fixture
def held(_held: Held) -> Held:
    """A worker's local AWS on hand-held instances, its hands open."""
    _held.aws.run(_held.hands.open())
    _held.hands.answer.clear()
    _held.hands.streams.clear()
    _held.hands.broken.clear()
    _held.aws.local.hosting.invoker._random.seed(1)
    return _held
