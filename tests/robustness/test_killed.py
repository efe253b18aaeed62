"""SIGKILL of each process in turn: what the others see, that nothing is left behind, and that the next start works.

The egress proxy lives in the model server's front, moto in the gateway's process: they go with those. Locust's workers
and a single locust are in tests/load, the model server by itself in tests/model_server.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from harness.load.runs import list_runs, read_run
from harness.local_aws import daemon
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.testing.aws import Aws
from harness.testing.clock import HarnessClock
from harness.testing.stacks import FunctionUnderTest, StackUnderTest, twins_for_tests
from tests.hosting.models import ECHO, model_tar
from tests.load.locust.locusts import command, environment
from tests.robustness.small_stack import LAMBDA, TwinStack, twin_stack, write_stack

pytestmark = pytest.mark.unmeasured

SLOW = """
import os, time


def handler(event, context):
    print(os.getpid(), flush=True)
    time.sleep(event.get("seconds", 0))
    return os.getpid()
"""


LOCUSTFILE = """
import locust.runners
from locust import task
import harness.load.locust.record_runs
from harness.load.locust.open_loop import OpenLoop
from harness.load.traffic_forms import constant
from harness.load.locust.users import EndpointUser


locust.runners.MASTER_HEARTBEAT_TIMEOUT = 4  # else a minute


class Long(OpenLoop, EndpointUser):
    @classmethod
    def schedule(cls, environment):
        return constant(20, 120)

    @task
    def ask(self):
        self.invoke_endpoint("small", b"{}", "application/json")
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def in_a_while(pids: list[int], seconds: float = 2) -> subprocess.Popen[bytes]:
    """Sends SIGKILL to the processes after some seconds."""
    return subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -9 {' '.join(map(str, pids))}"])


def gone(processes: list[psutil.Process], seconds: float = 15) -> list[psutil.Process]:
    """The processes that are still alive after some seconds."""
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return alive


def eventually(attempt: Callable[[], Any], seconds: float = 30) -> Any:
    """The result of a call, repeated until it raises nothing."""
    end = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except (ClientError, BotoCoreError, AssertionError):
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def named(stack: TwinStack, word: str) -> list[psutil.Process]:
    processes = []
    for process in stack.processes():
        with contextlib.suppress(psutil.Error):
            if word in " ".join(process.cmdline()):
                processes.append(process)
    return processes


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinStack]:
    with twin_stack(tmp_path_factory.mktemp("killed")) as stack:
        yield stack


class TestTheLocalAws:
    @pytest.fixture
    def port(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
        monkeypatch.setenv("HARNESS_STATE", str(tmp_path / "state"))
        port = free_port()
        yield port
        daemon.stop(port)

    def bring_up(self, port: int, folder: Path, code: str = LAMBDA) -> FunctionUnderTest:
        running = daemon.start(LocalAwsOptions(port=port))
        stack = twins_for_tests(load_stack(write_stack(folder / "stack", code=code)), folder)
        StackDeployment(stack, administrator_session(), running.url, lambda step: None).run(build=False)
        aws = Aws(running.url, "us-east-1", "123456789012", HarnessClock(running.url))
        return StackUnderTest(aws, stack).function

    def test_its_clients_hear_of_it_nothing_stays_and_the_next_one_starts(self, port: int, tmp_path: Path) -> None:
        function = self.bring_up(port, tmp_path)
        assert function.invoke().error is None
        running = daemon.find(port)
        assert running is not None
        own = psutil.Process(running.pid)
        below = own.children(recursive=True)
        assert len(below) >= 2  # an execution environment and the twins
        own.kill()
        assert not gone([own, *below])
        began = time.monotonic()
        with pytest.raises(BotoCoreError):
            function.invoke()
        assert time.monotonic() - began < 5
        assert self.bring_up(port, tmp_path).invoke().error is None
        assert daemon.stop(port)
        assert not list((tmp_path / "state").iterdir())

    def test_in_the_middle_of_a_request_the_client_is_not_left_waiting(self, port: int, tmp_path: Path) -> None:
        function = self.bring_up(port, tmp_path, SLOW)
        running = daemon.find(port)
        assert running is not None
        killer = in_a_while([running.pid])
        began = time.monotonic()
        with pytest.raises(BotoCoreError):
            function.client.invoke(FunctionName="small", Payload=b'{"seconds": 25}')
        killer.wait()
        assert time.monotonic() - began < 15


class TestAnExecutionEnvironment:
    def test_while_idle_the_next_request_has_another(self, small: TwinStack) -> None:
        first = small.function.invoke().payload["pid"]
        process = psutil.Process(first)
        process.kill()
        assert not gone([process])
        answer = small.function.invoke()
        assert answer.error is None
        assert answer.payload["pid"] != first

    def test_in_the_middle_of_a_request_the_caller_has_awss_answer(self, small: TwinStack) -> None:
        """Runtime.ExitError, "Runtime exited with error: signal: killed" (seen in public logs)."""
        assert small.function.invoke().error is None
        environments = named(small, "bootstrap.py")
        assert environments
        # It waits for a twin that is stopped, so that it is in the middle.
        (twins,) = named(small, "twin.host")
        twins.suspend()
        try:
            killer = in_a_while([environment.pid for environment in environments])
            answer = small.function.invoke()
            killer.wait()
        finally:
            twins.resume()
        assert answer.error == "Unhandled"
        assert answer.payload["errorType"] == "Runtime.ExitError"
        assert answer.payload["errorMessage"].endswith("Runtime exited with error: signal: killed")
        assert small.function.invoke().error is None


class TestTheInstances:
    def test_the_twins_process_is_made_again(self, small: TwinStack) -> None:
        (twins,) = named(small, "twin.host")
        twins.kill()
        assert eventually(lambda: small.endpoint.invoke({})).variant == "AllTraffic"
        assert not gone([twins])
        assert len(named(small, "twin.host")) == 1
        assert small.function.invoke().error is None

    @pytest.mark.torch
    def test_the_model_servers_front_and_worker_are_made_again(self, tmp_path: Path) -> None:
        with twin_stack(tmp_path) as stack:
            aws = stack.aws
            s3, sagemaker = aws.client("s3"), aws.client("sagemaker")
            s3.put_object(Bucket="small-models", Key="echo.tar.gz", Body=model_tar(ECHO))
            container = {
                "Image": "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312",
                "ModelDataUrl": "s3://small-models/echo.tar.gz",
                "Environment": {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"},
            }
            role = f"arn:aws:iam::{aws.account}:role/server"
            sagemaker.create_model(ModelName="echo", ExecutionRoleArn=role, PrimaryContainer=container)
            variant = {
                "VariantName": "v",
                "ModelName": "echo",
                "InstanceType": "ml.t2.medium",
                "InitialInstanceCount": 1,
            }
            sagemaker.create_endpoint_config(EndpointConfigName="echo", ProductionVariants=[variant])
            _configure(aws, "echo", {"server": "asgi"})
            sagemaker.create_endpoint(EndpointName="echo", EndpointConfigName="echo")
            runtime = aws.client("sagemaker-runtime", read_timeout=70)

            def invoke() -> Any:
                sent = {"EndpointName": "echo", "Body": b'{"dog": 1}', "ContentType": "application/json"}
                return json.loads(runtime.invoke_endpoint(**sent)["Body"].read())

            eventually(invoke, 120)
            (front,) = [child for child in psutil.Process(stack.pid).children() if "model_server" in child.cmdline()]
            workers = front.children(recursive=True)
            assert workers
            for worker in workers:
                with contextlib.suppress(psutil.NoSuchProcess):
                    worker.kill()
            assert eventually(invoke, 120)["echo"] == {"dog": 1}
            assert front.is_running(), "the front outlives its worker"
            workers = front.children(recursive=True)
            front.kill()
            assert not gone([front, *workers]), "a worker outlived its front"
            assert eventually(invoke, 120)["echo"] == {"dog": 1}
            everything = stack.processes()
        assert not gone(everything)


def _configure(aws: Aws, endpoint: str, document: dict[str, Any]) -> None:
    LocalAwsClient(aws.url).put_endpoint(endpoint, document)


class TestLocust:
    def test_without_their_master_the_workers_end_and_the_run_can_be_read(
        self, tmp_path: Path, small: TwinStack
    ) -> None:
        (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
        runs, port = tmp_path / "runs", str(free_port())

        def begin(*arguments: str) -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                command(*arguments), env=environment(runs, AWS_ENDPOINT_URL=small.aws.url), cwd=tmp_path,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip

        master = begin("Long", "--master", "--headless", "--expect-workers", "1", "--master-bind-port", port)
        worker = begin("--worker", "--master-port", port)
        try:
            end = time.monotonic() + 120
            while not list(runs.glob("*/requests*.arrow")) and time.monotonic() < end:
                time.sleep(0.1)
            time.sleep(1)
            master.kill()
            master.wait()
            assert worker.wait(60) is not None
        finally:
            for process in (master, worker):
                process.kill()
                process.wait()
        (run,) = list_runs(runs)
        assert read_run(run).manifest.ended is None
