"""``harness reset`` empties everything, in the middle of deployments and invocations too, and leaves a local AWS that
works as a new one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import connect
from harness.core.environment import client_environment
from harness.local_aws.client import CallRefused, LocalAwsClient
from harness.local_aws.daemon import TemporaryLocalAws
from harness.local_aws.options import LocalAwsOptions
from harness.testing.stacks import StackDeployer
from tests.backend.test_watch import free_port
from tests.robustness.small_stack import TwinStack, twin_stack

pytestmark = pytest.mark.unmeasured

SLEEPS = """
import time


def handler(event, context):
    time.sleep(event.get("seconds", 0))
    return "done"
"""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinStack]:
    with twin_stack(tmp_path_factory.mktemp("reset"), code=SLEEPS) as stack:
        yield stack


def contents(client: Callable[[str], Any]) -> dict[str, Any]:
    """All that the local AWS has, by where it has it."""
    scaling = client("application-autoscaling")
    return {
        "functions": client("lambda").list_functions()["Functions"],
        "layers": client("lambda").list_layers()["Layers"],
        "endpoints": client("sagemaker").list_endpoints()["Endpoints"],
        "configurations": client("sagemaker").list_endpoint_configs()["EndpointConfigs"],
        "models": client("sagemaker").list_models()["Models"],
        "targets": [
            target
            for namespace in ("sagemaker", "lambda")
            for target in scaling.describe_scalable_targets(ServiceNamespace=namespace)["ScalableTargets"]
        ],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "metrics": client("cloudwatch").list_metrics()["Metrics"],
        "log groups": client("logs").describe_log_groups()["logGroups"],
        "buckets": client("s3").list_buckets()["Buckets"],
        "roles": client("iam").list_roles()["Roles"],
        "users": client("iam").list_users()["Users"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
    }


def is_empty(stack: TwinStack) -> None:
    """Fails unless nothing is left: no resource, process, file or call."""
    assert {place: found for place, found in contents(stack.aws.client).items() if found} == {}
    assert [process.pid for process in stack.processes()] == [stack.pid]
    work = stack.state / "work"
    assert [path for path in work.rglob("*") if path.is_file()] == []
    control = LocalAwsClient(stack.aws.url)
    assert control.scaling()["targets"] == []
    assert control.scaling()["functions"] == []
    assert control.access()["calls"] == []


def deploy_again(stack: TwinStack) -> TwinStack:
    deployed = StackDeployer(stack.aws).get(stack.deployed.stack.path("stack.toml"))
    return TwinStack(stack.aws, deployed, stack.pid, stack.state)


def test_everything_is_gone_and_can_be_deployed_again(stack: TwinStack) -> None:
    assert stack.function.invoke().payload == "done"
    stack.endpoint.invoke({})
    stack.aws.client("sqs").create_queue(QueueName="queue")
    stack.aws.client("iam").create_user(UserName="alice")
    before = contents(stack.aws.client)
    assert all(before[name] for name in ("functions", "endpoints", "targets", "alarms", "buckets", "roles", "users"))
    stack.clock.speed = 50
    stack.aws.reset()
    is_empty(stack)
    assert stack.clock.speed == 1
    assert abs(stack.clock.now() - time.time()) < 5
    again = deploy_again(stack)
    assert again.function.invoke().payload == "done"
    assert again.endpoint.invoke({}).body
    assert "Traceback" not in stack.log


def test_in_the_middle_of_deployments_and_invocations(stack: TwinStack) -> None:
    """Whatever is under way: callers get an answer or an error of AWS, and nothing of it comes up afterwards."""
    again = deploy_again(stack)
    answers: list[object] = []
    ended = threading.Event()

    def call(work: Callable[[], object]) -> None:
        while not ended.is_set():
            try:
                answers.append(work())
            except (ClientError, BotoCoreError) as error:
                answers.append(error)
                return

    def make_endpoint() -> None:
        sagemaker, name = stack.aws.client("sagemaker"), f"made-{len(answers)}-{threading.get_ident()}"
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=configuration)

    configuration = stack.aws.client("sagemaker").list_endpoint_configs()["EndpointConfigs"][0]["EndpointConfigName"]
    callers = [
        *(threading.Thread(target=call, args=[lambda: again.function.invoke({"seconds": 30})]) for _ in range(2)),
        *(threading.Thread(target=call, args=[lambda: again.endpoint.invoke({})]) for _ in range(2)),
        threading.Thread(target=call, args=[make_endpoint]),
    ]
    for caller in callers:
        caller.start()
    deadline = time.monotonic() + 20
    while len(answers) < 4:
        assert time.monotonic() < deadline, "nothing is under way"
        time.sleep(0.01)
    stack.aws.reset()
    ended.set()
    for caller in callers:
        caller.join(30)
        assert not caller.is_alive(), "a caller was left without an answer"
    is_empty(stack)
    assert "Traceback" not in stack.log


def test_a_request_that_is_given_up_is_answered_in_words(stack: TwinStack) -> None:
    again = deploy_again(stack)
    errors: list[ClientError] = []

    def invoke() -> None:
        try:
            again.function.invoke({"seconds": 30})
        except ClientError as error:
            errors.append(error)

    caller = threading.Thread(target=invoke)
    caller.start()
    deadline = time.monotonic() + 20
    while not any(function["running"] for function in LocalAwsClient(stack.aws.url).scaling()["functions"]):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    stack.aws.reset()
    caller.join(30)
    assert [error.response["Error"]["Code"] for error in errors] == ["ServiceUnavailable"]
    assert "is being emptied" in errors[0].response["Error"]["Message"]


def test_the_command_and_the_administrators_key_stay(tmp_path: Path) -> None:
    """With --no-administrator: the key that `harness up` printed is the administrator's afterwards too."""
    with TemporaryLocalAws(tmp_path / "state", LocalAwsOptions(port=0, administrator=False)) as running:
        command = [sys.executable, "-m", "harness.cli.main", "reset", "--port", running.url.rpartition(":")[2]]
        stranger = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)})
        assert stranger.returncode == 1
        assert "to the account's administrator only" in stranger.stderr
        assert running.key is not None
        variables = client_environment(running.url, running.region, running.key)
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"HOME": str(tmp_path)} | variables
        )
        assert done.stderr.endswith(f"The local AWS at {running.url} is empty.\n"), done.stderr
        identity = connect("sts", running.url, running.region, *running.key).get_caller_identity()
        assert identity["Arn"].endswith("user/harness-administrator")
        assert connect("iam", running.url, running.region, *running.key).list_users()["Users"]


class NoEmulator(BaseHTTPRequestHandler):
    """Answers STS, as any emulator does, and knows no way to be emptied."""

    def do_POST(self) -> None:
        body = (
            b"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>a</Arn>"
            b"<UserId>u</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def moto_server() -> Iterator[str]:
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/moto-api/data.json", timeout=5).close()
                break
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def test_a_backend_by_url_is_emptied_by_its_own_path(tmp_path: Path) -> None:
    with moto_server() as url:
        with TemporaryLocalAws(tmp_path / "one", LocalAwsOptions(port=0, backend_url=url)) as running:
            s3 = connect("s3", running.url, running.region, "test", "test")
            s3.create_bucket(Bucket="bucket")
            LocalAwsClient(running.url).reset()
            assert s3.list_buckets()["Buckets"] == []
        options = LocalAwsOptions(port=0, backend_url=url, administrator=False)
        with TemporaryLocalAws(tmp_path / "two", options) as running:
            client = LocalAwsClient(running.url, running.key)
            client.reset()
            client.clock()  # the administrator's key is still the administrator's


def test_a_backend_that_cannot_be_emptied_is_refused_before_anything_is(tmp_path: Path) -> None:
    with HTTPServer(("127.0.0.1", 0), NoEmulator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        with TemporaryLocalAws(tmp_path / "state", LocalAwsOptions(port=0, backend_url=url)) as running:
            client = LocalAwsClient(running.url)
            client.set_speed(7)
            with pytest.raises(CallRefused, match=r"neither LocalStack nor moto's server.*Nothing was emptied"):
                client.reset()
            assert client.clock()["speed"] == 7
        server.shutdown()
