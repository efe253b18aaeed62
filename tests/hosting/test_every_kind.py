"""The same life of an endpoint on every kind of instance: deployed, invoked, killed, replaced, deleted."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.hosting.instances.base import Instance, InstanceSpec
from harness.hosting.instances.settings import LocalSettings
from tests.hosting.hands import IMAGE, variant
from tests.hosting.instances.kinds import BENCHES, MODEL, Bench
from tests.hosting.models import model_tar
from tests.support import REGION, Aws, unique

pytestmark = pytest.mark.torch

SECONDS = 0.8
"""Service time: long enough to be killed in."""


def settings_of(kind: str, bench: Bench, folder: Path) -> LocalSettings:
    """An endpoint's local settings. There are two containers, because the second takes over from the first."""
    settings: list[LocalSettings] = []
    for number in range(2 if kind == "container" else 1):
        work = folder / str(number) / "work"
        work.mkdir(parents=True)
        spec = InstanceSpec("e", "v", number, "ml.m5.large", folder / str(number) / "model", work, {}, LocalSettings())
        settings.append(bench.settle(spec, SECONDS, 0.0).settings)
    containers = tuple(url for one_instance in settings for url in one_instance.containers)
    return replace(settings[0], instances=kind, containers=containers)


class Deployed:
    """An endpoint of one instance of a kind."""

    def __init__(self, aws: Aws, settings: LocalSettings) -> None:
        self.aws, self.name = aws, unique("kind")
        self.sagemaker, self.runtime = aws.client("sagemaker"), aws.client("sagemaker-runtime")
        aws.client("s3").create_bucket(Bucket=self.name)
        code = model_tar(MODEL.replace("SECONDS", str(SECONDS)))
        aws.client("s3").put_object(Bucket=self.name, Key="model.tar.gz", Body=code)
        container = {
            "Image": IMAGE,
            "ModelDataUrl": f"s3://{self.name}/model.tar.gz",
            "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"},
        }
        self.sagemaker.create_model(ModelName=self.name, PrimaryContainer=container)
        self.sagemaker.create_endpoint_config(EndpointConfigName=self.name, ProductionVariants=[variant(self.name)])
        aws.local.hosting.configure(self.name, settings)
        self.sagemaker.create_endpoint(EndpointName=self.name, EndpointConfigName=self.name)

    @property
    def instance(self) -> Instance:
        serving = self.aws.local.hosting.endpoint(REGION, self.name)
        assert serving is not None
        return serving[1].variants["v"].fleet.instances[0]

    def until(self, good: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + 120
        while not good(description := self.sagemaker.describe_endpoint(EndpointName=self.name)):
            assert time.monotonic() < end, f"it is still {description}"
            time.sleep(0.1)
        return dict(description)

    def invoke(self) -> tuple[str, bytes]:
        request = {"Body": b"{}", "ContentType": "application/json", "Accept": "application/json"}
        answer = self.runtime.invoke_endpoint(EndpointName=self.name, **request)
        return answer["ContentType"], answer["Body"].read()


@pytest.mark.parametrize("kind", BENCHES)
def test_it_serves_dies_in_mid_request_and_is_replaced(aws: Aws, tmp_path: Path, kind: str) -> None:
    bench = BENCHES[kind](tmp_path)
    try:
        endpoint = Deployed(aws, settings_of(kind, bench, tmp_path / "settled"))
        assert (
            endpoint.until(lambda description: description["EndpointStatus"] != "Creating")["EndpointStatus"]
            == "InService"
        )
        content_type, body = endpoint.invoke()
        assert content_type == "application/json"
        assert json.loads(body)

        with ThreadPoolExecutor(1) as pool:
            request = pool.submit(endpoint.invoke)
            time.sleep(SECONDS / 3)
            aws.run(bench.kill(endpoint.instance))
            with pytest.raises(ClientError) as refused:
                request.result(30)
        assert refused.value.response["Error"]["Code"] == "ModelError"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424

        endpoint.until(lambda description: description["ProductionVariants"][0]["CurrentInstanceCount"] == 0)
        endpoint.until(lambda description: description["ProductionVariants"][0]["CurrentInstanceCount"] == 1)
        assert endpoint.invoke()[0] == "application/json"
        endpoint.sagemaker.delete_endpoint(EndpointName=endpoint.name)
        waiting = {"Delay": 1, "MaxAttempts": 60}
        endpoint.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=endpoint.name, WaiterConfig=waiting)
    finally:
        asyncio.run(bench.close())
