"""An instance that hangs, as with SIGSTOP, is taken out of service, killed and replaced; its endpoint serves on."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from botocore.exceptions import ClientError

from harness.hosting.instances.settings import LocalSettings
from harness.hosting.rules import timeouts
from tests.hosting.conftest import Deployed, settled
from tests.hosting.hands import IMAGE, variant
from tests.hosting.models import ECHO, model_tar
from tests.profiles import a_profile
from tests.support import Aws, unique


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hang is found in a second, not in nine."""
    monkeypatch.setattr(timeouts, "PING_SECONDS", 0.3)
    monkeypatch.setattr(timeouts, "PING_INTERVAL_SECONDS", 0.1)


def until(look: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.02)


def outcome(endpoint: Deployed, document: object) -> str:
    try:
        endpoint.invoke(document)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def in_service(endpoint: Deployed) -> int:
    return int(endpoint.describe()["ProductionVariants"][0]["CurrentInstanceCount"])


@pytest.mark.usefixtures("short")
def test_a_process_of_many_twins_is_replaced_with_all_of_them(aws: Aws) -> None:
    """What is in flight is answered with a model error at once, and not after 60 s."""
    name, sagemaker = unique("hung"), aws.client("sagemaker")
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name, count=5)])
    aws.local.hosting.configure(name, LocalSettings("twin", profile=a_profile()))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = Deployed(aws, name)
    assert settled(endpoint)["EndpointStatus"] == "InService"
    host = aws.run(aws.local.hosting._builder._kinds.get("twin").host())  # type: ignore[attr-defined]
    os.kill(host.pid, signal.SIGSTOP)
    with ThreadPoolExecutor(8) as callers:
        begun = time.monotonic()
        in_flight = [callers.submit(outcome, endpoint, {}) for _ in range(8)]
        assert {request.result(60) for request in in_flight} <= {"ModelError", "ServiceUnavailable"}
        assert time.monotonic() - begun < 45  # not the 60 s of a request
    until(lambda: in_service(endpoint) == 5)
    assert outcome(endpoint, {}) == "OK"
    assert endpoint.describe()["EndpointStatus"] == "InService"
    assert not psutil.pid_exists(host.pid)
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.torch
@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("server", "stopped"), [("torchserve", "java"), ("asgi", "python")])
def test_a_model_server_that_hangs_is_replaced(aws: Aws, server: str, stopped: str) -> None:
    """TorchServe's Java process, or the process in front. All are killed, the workers too."""
    name, sagemaker, s3 = unique("hung"), aws.client("sagemaker"), aws.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="model.tar.gz", Body=model_tar(ECHO))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{name}/model.tar.gz"}
    role = aws.role(service="sagemaker.amazonaws.com")
    sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    aws.local.hosting.configure(name, LocalSettings("process", server=server))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    endpoint = Deployed(aws, name)
    assert settled(endpoint)["EndpointStatus"] == "InService"
    found = aws.local.hosting.endpoint("us-east-1", name)
    assert found is not None
    (instance,) = found[1].variants["v"].fleet.instances
    tree = [psutil.Process(instance.pid), *psutil.Process(instance.pid).children(recursive=True)]  # type: ignore[attr-defined]
    victim = next(process for process in tree if stopped in process.name())
    victim.send_signal(signal.SIGSTOP)
    until(lambda: in_service(endpoint) == 0)
    assert outcome(endpoint, {}) == "ServiceUnavailable"
    until(lambda: in_service(endpoint) == 1, 90)
    assert json.loads(endpoint.invoke({})["Body"])["pid"]
    assert not psutil.wait_procs(tree, timeout=5)[1]
    sagemaker.delete_endpoint(EndpointName=name)
