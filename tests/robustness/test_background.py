"""Every background task in turn raises what nobody expects: its work ends in a state that a user sees and can delete,
or it goes on.

SCENARIOS has one for each task of the harness, by its name; a task without one fails the first test.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import errno
import itertools
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.access.directory import _Cache
from harness.backend.flusher import Flusher
from harness.backend.metrics import Metrics, Series
from harness.backend.transport import BackendRequest, LocalAnswer, LocalRequest, LocalTransport
from harness.backend.watch import BackendWatch
from harness.core import tasks
from harness.core.clock import VirtualClock, WallClock
from harness.core.errors import HarnessError
from harness.core.progress import Steps
from harness.hosting.instances.base import InstanceFailed, InstanceSpec, ResourceUsage
from harness.hosting.instances.process import instance as process_instance
from harness.hosting.instances.process.instance import ProcessInstance
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.instances.twin import TwinKind
from harness.hosting.rules import timeouts
from harness.local_aws import server
from harness.local_aws.app import LocalAws
from harness.local_aws.daemon import STATE
from harness.local_aws.options import LocalAwsOptions
from harness.measure.loops import Reply, open_loop
from harness.planner.confirmation import live
from harness.planner.search import engine
from harness.scaling.cloudwatch import CloudWatchAlarms
from harness.scaling.controller import Controller
from tests.core.test_tasks import task_names
from tests.functions.conftest import alive, zipped
from tests.hosting.hands import Hands, Held
from tests.profiles import a_profile
from tests.support import REGION, running_aws, unique

ERRORS: tuple[BaseException, ...] = (
    ValueError("of nobody"),
    MemoryError(),
    RecursionError("maximum recursion depth exceeded"),
    OSError(errno.ENOSPC, "No space left on device"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    asyncio.CancelledError("by nobody"),
    SystemExit(3),
)
NAMES = task_names()


class Fault:
    """Makes the background task of a name raise ``error``, ``times`` times from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
        self.error = error
        self._left: dict[str, int] = {}
        start, keep, thread = tasks.start, tasks.keep, tasks.thread

        def broken_start(work: Coroutine[Any, Any, Any], name: str, **more: Any) -> asyncio.Task[Any]:
            if NAMES.get(name) != "start" or not self._raises(name):
                return start(work, name, **more)
            work.close()
            return start(self._raise(), name, **more)

        def broken_keep(run: Callable[[], Awaitable[None]], name: str, **more: Any) -> asyncio.Task[None]:
            async def broken() -> None:
                if self._raises(name):
                    raise copy.copy(self.error)
                await run()

            return keep(broken, name, **more)

        def broken_thread(run: Callable[[], object], name: str, **more: Any) -> threading.Thread:
            return thread(lambda: self._raise_now() if self._raises(name) else run(), name, **more)

        monkeypatch.setattr(tasks, "start", broken_start)
        monkeypatch.setattr(tasks, "keep", broken_keep)
        monkeypatch.setattr(tasks, "thread", broken_thread)
        monkeypatch.setattr(tasks, "RESTART_SECONDS", 0.01)

    def __call__(self, name: str, times: int = 1) -> None:
        assert name in NAMES
        self._left[name] = times

    def _raises(self, name: str) -> bool:
        left = self._left.get(name, 0)
        self._left[name] = left - 1
        return left > 0

    def _raise_now(self) -> None:
        raise copy.copy(self.error)

    async def _raise(self) -> None:
        raise copy.copy(self.error)  # a traceback of its own


@pytest.fixture(scope="module")
def world() -> Iterator[Held]:
    """A local AWS on hand-held instances, with a clock that the test moves."""
    hands, clock = Hands(), VirtualClock(1_700_000_000 // 60 * 60)
    with running_aws(clock=clock) as aws:
        aws.local.hosting._builder._kinds._kinds["hand"] = hands
        aws.run(hands.open())
        yield Held(aws, hands, clock)


Scenario = Callable[[Fault, Held, Path, pytest.MonkeyPatch], None]
SCENARIOS: dict[str, list[Scenario]] = {}


def breaks(*names: str) -> Callable[[Scenario], Scenario]:
    """Enters a scenario for the tasks of these names."""

    def enter(scenario: Scenario) -> Scenario:
        for name in names:
            SCENARIOS.setdefault(name, []).append(scenario)
        return scenario

    return enter


def on_a_loop(scenario: Callable[[Fault, Path, pytest.MonkeyPatch], Awaitable[None]]) -> Scenario:
    """A scenario on an event loop of its own."""

    def run(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(60):
                await scenario(fault, folder, monkeypatch)

        asyncio.run(bounded())

    run.__name__ = scenario.__name__
    return run


async def eventually(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.002)


class Recorded:
    """A stand-in for the backend that records the calls it gets."""

    def __init__(self) -> None:
        self.url = self.name = self.at = "http://127.0.0.1:1"
        self.calls: list[str] = []

    async def call(self, service: str, method: str, /, **members: Any) -> dict[str, Any]:
        self.calls.append(method)
        return {"Buckets": []}

    async def warm(self) -> None: ...


# ---- endpoints


def failed_and_deletable(world: Held, name: str, status: str = "Failed") -> None:
    description = world.settled(name)
    assert description["EndpointStatus"] == status
    assert description["FailureReason"]
    world.sagemaker.delete_endpoint(EndpointName=name)
    world.until(lambda: name not in [endpoint["EndpointName"] for endpoint in listed(world)])


def listed(world: Held) -> list[dict[str, Any]]:
    return list(world.sagemaker.list_endpoints(MaxResults=100)["Endpoints"])


@breaks("changing an endpoint")
def an_endpoint_is_created(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("changing an endpoint")
    failed_and_deletable(world, world.endpoint(world.config(), wait=False))


@breaks("changing an endpoint")
def an_endpoint_is_updated_or_scaled_and_serves_on(
    fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = world.endpoint(world.config())
    for update in (
        lambda: world.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=world.config()),
        lambda: world.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=name, DesiredWeightsAndCapacities=[{"VariantName": "v", "DesiredInstanceCount": 2}]
        ),
    ):
        fault("changing an endpoint")
        update()
        description = world.settled(name)
        assert (description["EndpointStatus"], bool(description["FailureReason"])) == ("InService", True)
        assert world.invoke(name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    fault("changing an endpoint", 0)
    world.sagemaker.delete_endpoint(EndpointName=name)


@breaks("changing an endpoint")
def an_endpoint_is_deleted(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = world.endpoint(world.config())
    fault("changing an endpoint")
    world.sagemaker.delete_endpoint(EndpointName=name)
    failed_and_deletable(world, name)
    assert not world.hands.of(name)


@breaks("keeping an instance")
def an_instance_starts(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("keeping an instance")
    name = world.endpoint(world.config(), wait=False)
    failed_and_deletable(world, name)


@breaks("a copy for a shadow variant")
def a_request_is_copied(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow = {"VariantName": "shadow", "ModelName": world.model(), "InstanceType": "ml.m5.large"}
    shadows = [{**shadow, "InitialInstanceCount": 1, "InitialVariantWeight": 1.0}]
    name = world.endpoint(world.config(ShadowProductionVariants=shadows))
    fault("a copy for a shadow variant")
    world.invoke(name)
    world.invoke(name)
    (copied,) = world.hands.of(name, "shadow")
    world.until(lambda: len(copied.requests) == 1)
    world.sagemaker.delete_endpoint(EndpointName=name)


@breaks("measuring instances")
def instances_are_measured(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("measuring instances", 2)
    name = world.endpoint(world.config())
    (instance,) = world.hands.of(name)
    instance.used = ResourceUsage(1.0, 2**30)
    measured = partial(
        world.metric, "MemoryUtilization", namespace="/aws/sagemaker/Endpoints", EndpointName=name, VariantName="v"
    )
    world.until(lambda: world.advance(30) or measured())
    world.sagemaker.delete_endpoint(EndpointName=name)


def an_asynchronous_endpoint(world: Held) -> tuple[str, str]:
    """An endpoint's name, and its bucket with an input."""
    bucket = unique("async")
    world.client("s3").create_bucket(Bucket=bucket)
    world.client("s3").put_object(Bucket=bucket, Key="in", Body=b"dog")
    output = {"S3OutputPath": f"s3://{bucket}/out", "S3FailurePath": f"s3://{bucket}/failed"}
    return world.endpoint(world.config(AsyncInferenceConfig={"OutputConfig": output})), bucket


def infer(world: Held, name: str, bucket: str) -> dict[str, Any]:
    runtime = world.client("sagemaker-runtime")
    return dict(runtime.invoke_endpoint_async(EndpointName=name, InputLocation=f"s3://{bucket}/in"))


def written(world: Held, url: str) -> str:
    bucket, _, key = url.removeprefix("s3://").partition("/")

    def read() -> str:
        try:
            return str(world.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except ClientError:
            return ""

    return str(world.until(read))


@breaks("an asynchronous inference")
def an_asynchronous_inference_fails_visibly(
    fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, bucket = an_asynchronous_endpoint(world)
    fault("an asynchronous inference")
    failed, served = infer(world, name, bucket), infer(world, name, bucket)
    assert "The harness failed on this request" in written(world, failed["FailureLocation"])
    assert "dog" in written(world, served["OutputLocation"])
    world.sagemaker.delete_endpoint(EndpointName=name)


@breaks("the failure of an asynchronous inference")
def even_the_failure_of_an_inference_fails(
    fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, bucket = an_asynchronous_endpoint(world)
    fault("an asynchronous inference")
    fault("the failure of an asynchronous inference")
    infer(world, name, bucket)
    assert "dog" in written(world, infer(world, name, bucket)["OutputLocation"])
    world.sagemaker.delete_endpoint(EndpointName=name)


@breaks("working off an asynchronous endpoint's queue")
def a_queue_goes_on(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("working off an asynchronous endpoint's queue", 2)
    name, bucket = an_asynchronous_endpoint(world)
    assert "dog" in written(world, infer(world, name, bucket)["OutputLocation"])
    world.sagemaker.delete_endpoint(EndpointName=name)


# ---- instances


@breaks("reading a container's output", "holding an instance within its memory")
@on_a_loop
async def a_process_is_read_and_held(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "model_server.sh"
    program.write_text("#!/bin/sh\necho hello\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setattr(process_instance, "limit_of", lambda instance_type: 1)  # the first look kills it
    fault("reading a container's output", 2)
    fault("holding an instance within its memory", 2)
    lines: list[str] = []
    spec = InstanceSpec("e", "v", 0, "ml.m5.large", folder, folder, {}, LocalSettings())
    instance = ProcessInstance(spec, lines.append)
    await instance.start()
    await instance.wait_ended()
    await eventually(lambda: "hello" in lines)
    assert any(line.startswith("Out of memory: killed process") for line in lines)
    await instance.stop()


@breaks("the loading of a twin", "reading what the twins' process says")
@on_a_loop
async def a_twin_starts(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("the loading of a twin", "reading what the twins' process says"):
        kind = TwinKind(WallClock())
        spec = InstanceSpec("e", "v", 0, "ml.m5.large", folder, folder, {}, LocalSettings("twin", profile=a_profile()))
        fault(name)
        broken = kind.build(spec, print)
        with pytest.raises(InstanceFailed):
            await start_up(broken)
        await broken.stop()
        sound = kind.build(spec, print)
        await start_up(sound)
        assert (await sound.invoke(b"", {}, 5)).status == 200
        await sound.stop()
        await kind.close()


async def start_up(twin: Any) -> None:
    await twin.start()
    await twin.wait_ready(10)


@breaks("pinging the twins' process")
@on_a_loop
async def twins_are_pinged(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeouts, "PING_SECONDS", 0.2)
    monkeypatch.setattr(timeouts, "PING_INTERVAL_SECONDS", 0.05)
    fault("pinging the twins' process", 2)
    kind = TwinKind(WallClock())
    host = await kind.host()
    os.kill(host.pid, signal.SIGSTOP)
    await host.ended.wait()
    await kind.close()


# ---- functions


def a_function(world: Held, **members: Any) -> str:
    name = unique("function")
    world.client("lambda").create_function(
        FunctionName=name,
        Role=world.aws.role(),
        Runtime="python3.12",
        Handler="app.handler",
        Code={"ZipFile": zipped("def handler(event, context): return event")},
        **members,
    )
    return name


def deleted(world: Held, name: str) -> None:
    """Deletes a function, and sees to it that nothing of it is left."""
    world.client("lambda").delete_function(FunctionName=name)
    functions = world.aws.local.functions
    world.until(lambda: name not in [pool.configuration.reference.name for pool in functions.state.deployer.pools])


@breaks("an invocation")
def a_function_is_invoked(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = a_function(world)
    fault("an invocation")
    with pytest.raises(ClientError) as refused:
        world.client("lambda").invoke(FunctionName=name, Payload=b"1")
    assert refused.value.response["Error"]["Code"] == "ServiceException"
    assert world.client("lambda").invoke(FunctionName=name, Payload=b"1")["Payload"].read() == b"1"
    (running,) = [row["running"] for row in world.aws.local.functions.concurrency() if row["name"] == name]
    assert running == 0
    world.client("lambda").delete_function(FunctionName=name)


@breaks("an asynchronous invocation")
def an_event_ends_at_its_failure_destination(
    fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs, queues = world.client("sqs"), {kind: unique(kind) for kind in ("failed", "dead")}
    urls = {kind: sqs.create_queue(QueueName=name)["QueueUrl"] for kind, name in queues.items()}
    arns = {kind: f"arn:aws:sqs:{REGION}:123456789012:{name}" for kind, name in queues.items()}
    name = a_function(world, DeadLetterConfig={"TargetArn": arns["dead"]})
    world.client("lambda").put_function_event_invoke_config(
        FunctionName=name, DestinationConfig={"OnFailure": {"Destination": arns["failed"]}}
    )
    fault("an asynchronous invocation")
    world.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b'{"number": 7}')
    messages = {
        kind: json.loads(world.until(lambda url=url: sqs.receive_message(QueueUrl=url).get("Messages"))[0]["Body"])
        for kind, url in urls.items()
    }
    assert messages["failed"]["requestPayload"] == messages["dead"] == {"number": 7}
    assert messages["failed"]["requestContext"]["condition"] == "RetriesExhausted"
    deleted(world, name)


def provisioned(world: Held, name: str) -> dict[str, Any]:
    """The state of a provisioned concurrency once it is allocated or has failed."""
    world.client("lambda").publish_version(FunctionName=name)
    world.client("lambda").put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )

    def look() -> dict[str, Any]:
        world.advance(60)
        return dict(world.client("lambda").get_provisioned_concurrency_config(FunctionName=name, Qualifier="1"))

    return dict(world.until(look, lambda config: config["Status"] != "IN_PROGRESS"))


@breaks("allocating provisioned concurrency", "ending provisioned environments")
def provisioned_concurrency_is_allocated(
    fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = a_function(world)
    fault("allocating provisioned concurrency")
    fault("ending provisioned environments")
    config = provisioned(world, name)
    assert (config["Status"], bool(config["StatusReason"])) == ("FAILED", True)
    world.client("lambda").delete_provisioned_concurrency_config(FunctionName=name, Qualifier="1")
    deleted(world, name)


@breaks("ending idle environments", "ending or replacing an environment")
def an_environment_expires(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose end fails is ended with its function."""
    name = a_function(world)
    fault("ending idle environments")
    fault("ending or replacing an environment")
    world.client("lambda").invoke(FunctionName=name)
    (pool,) = [
        pool for pool in world.aws.local.functions.state.deployer.pools if pool.configuration.reference.name == name
    ]
    (environment,) = pool.environments
    pid = environment._process.pid
    world.until(lambda: world.advance(60) or not pool.environments)
    deleted(world, name)
    world.until(lambda: not alive(pid))


# ---- what goes on for ever


@breaks("writing what is queued for the backend")
@on_a_loop
async def a_queue_is_flushed(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("writing what is queued for the backend", 2)
    flushed = asyncio.Event()

    async def write() -> None:
        flushed.set()

    flusher = Flusher(write, 0.01)
    flusher.wake()
    await flushed.wait()
    await flusher.close()


@breaks("putting metrics", "putting the metrics of a period")
@on_a_loop
async def metrics_are_put(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, backend = VirtualClock(60.0), Recorded()
    metrics = Metrics(backend, clock)  # type: ignore[arg-type]
    fault("putting metrics", 2)
    fault("putting the metrics of a period")
    await metrics.start()
    await asyncio.sleep(0.05)
    series = Series("AWS/SageMaker", "Invocations", (("EndpointName", "e"),), "None", REGION)

    def fail() -> Iterator[tuple[Series, float]]:
        raise fault.error if isinstance(fault.error, Exception) else ValueError("a sampler's")

    metrics.sample(60, fail)
    metrics.sample(60, lambda: [(series, 0.0)])
    for _ in range(2):
        await clock.advance(61)
    assert metrics.history("AWS/SageMaker", "Invocations", series.dimensions, REGION)
    await eventually(lambda: "put_metric_data" in backend.calls)
    await metrics.close()


@breaks("serving the backend's calls")
@on_a_loop
async def the_backend_answers(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that fails itself is answered too."""

    class Server:
        def answer(self, request: LocalRequest) -> LocalAnswer:
            if request.path == "/failing":
                raise copy.copy(fault.error)
            return LocalAnswer(200, (), b"well")

    fault("serving the backend's calls", 2)
    transport = LocalTransport(Server())
    async with transport.send(BackendRequest("GET", "/", "", (), None)) as answer:
        assert await answer.read() == b"well"
    with contextlib.suppress(tasks.WorkFailed):
        async with transport.send(BackendRequest("GET", "/failing", "", (), None)) as answer:
            assert answer.status == 500
    await transport.close()


@breaks("watching the backend")
@on_a_loop
async def the_backend_is_watched(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("watching the backend", 2)
    warned = asyncio.Event()
    monkeypatch.setattr("harness.backend.watch.log", SimpleNamespace(warning=lambda *a: warned.set(), info=print))
    watch = BackendWatch(Recorded(), lambda: [], interval=0.01)  # type: ignore[arg-type]
    await watch.start()
    await warned.wait()
    await watch.close()


@breaks("writing alarms")
@on_a_loop
async def alarms_are_written(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("writing alarms", 2)
    backend = Recorded()
    alarms = CloudWatchAlarms(backend)  # type: ignore[arg-type]
    alarms.start()
    alarms.delete(REGION, ["an-alarm"])
    await alarms.close()
    assert backend.calls == ["delete_alarms"]


@breaks("looking at the scalable targets")
@on_a_loop
async def targets_are_looked_at(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("looking at the scalable targets", 2)
    clock = VirtualClock(60.0)
    targets = SimpleNamespace(all=list)
    controller = Controller(targets, clock, None, None)  # type: ignore[arg-type]
    looks: list[float] = []

    async def look(now: float) -> None:
        looks.append(now)

    monkeypatch.setattr(controller, "look", look)
    controller.start()
    await asyncio.sleep(0.1)
    await clock.advance(30)
    assert len(looks) >= 2
    await controller.close()


@breaks("reading a bucket's policy")
@on_a_loop
async def policies_are_read(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request that waits is answered with an error, and the next one reads anew."""
    fault("reading a bucket's policy")
    cache = _Cache(str.upper, VirtualClock())
    with pytest.raises(Exception):  # noqa: B017, PT011 - what was raised, or WorkFailed
        await cache.get("role")
    assert await cache.get("role") == "ROLE"


# ---- the process, and commands


async def serve(local_aws: Any, folder: Path, options: LocalAwsOptions) -> None:
    """Runs a local AWS as its process does."""
    claim: Any = SimpleNamespace(folder=folder, say=lambda word: None)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        await server._run(local_aws, claim, listener, options, lifeline=False, announce=False)


@breaks("serving requests")
@on_a_loop
async def the_gateway_serves(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its server the local AWS ends with a sentence, whenever that is."""
    options = LocalAwsOptions(port=0)
    fault("serving requests")
    with pytest.raises(HarnessError, match="ended by itself"):
        await serve(LocalAws, folder, options)
    (folder / "later").mkdir()

    class FailsLater(LocalAws):
        async def __aenter__(self) -> LocalAws:
            await super().__aenter__()
            asyncio.get_running_loop().call_later(0.1, self._fail, fault.error)
            return self

    with pytest.raises(HarnessError, match="ended by itself"):
        await serve(FailsLater, folder / "later", options)


@breaks("the first calls of the backend")
@on_a_loop
async def the_backend_is_warmed(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The local AWS is up without."""
    fault("the first calls of the backend")

    class Up:
        url, region, administrator, failure, backend = "http://127.0.0.1:1", REGION, None, None, Recorded()
        on_failure = staticmethod(print)

        async def __aenter__(self) -> Up:
            return self

        async def __aexit__(self, *reason: object) -> None: ...

    running = asyncio.ensure_future(serve(lambda *a, **b: Up(), folder, LocalAwsOptions()))
    await eventually((folder / STATE).exists)
    await asyncio.sleep(0.05)
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


@breaks("a measured request")
@on_a_loop
async def requests_are_measured(fault: Fault, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command ends with what was raised."""

    async def ask() -> Reply:
        return Reply(200)

    fault("a measured request")
    with pytest.raises(Exception):  # noqa: B017, PT011 - what was raised, or WorkFailed
        await open_loop(ask, 1000, 3)
    assert len((await open_loop(ask, 1000, 3)).answers) == 3


@breaks("redrawing a progress bar")
def a_bar_is_drawn(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    fault("redrawing a progress bar")
    progress = Steps(Console(force_terminal=True))
    with progress.step("loading", seconds=1.0) as detail:
        detail("half")


@breaks("counting instances")
def instances_are_counted(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("counting instances")
    stack: Any = SimpleNamespace(region=REGION, endpoint=SimpleNamespace(name="e"))
    with live._instances(stack, world.aws.url) as counts:
        assert counts == []


@breaks("ending a worker with its parent")
def a_worker_begins(fault: Fault, world: Held, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fault("ending a worker with its parent")
    monkeypatch.setattr(engine, "_context", None)
    engine._begin("context", os.getpid())  # type: ignore[arg-type]
    assert engine._context == "context"


# ---- all of them

RAISED = ("requests_are_measured", "policies_are_read")
"""Scenarios in which whoever waits for the task gets what it raises. It is logged in the others."""


def test_every_background_task_has_a_scenario() -> None:
    assert SCENARIOS.keys() == NAMES.keys()


def cases() -> list[Any]:
    """Each scenario with two of the errors in turn; tests/core/test_tasks.py raises all of them."""
    scenarios = {scenario.__name__: scenario for entered in SCENARIOS.values() for scenario in entered}
    turns = itertools.cycle(ERRORS)
    return [
        pytest.param(scenario, error, id=f"{name}-{type(error).__name__}")
        for name, scenario in scenarios.items()
        for error in itertools.islice(turns, 2)
    ]


@pytest.mark.parametrize(("scenario", "error"), cases())
def test_a_task_that_fails_leaves_nothing_stuck(
    scenario: Scenario,
    error: BaseException,
    world: Held,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    scenario(Fault(monkeypatch, error), world, tmp_path, monkeypatch)
    end = time.monotonic() + 2
    while scenario.__name__ not in RAISED and " failed" not in caplog.text:
        assert time.monotonic() < end, "the log does not say what happened"
        time.sleep(0.01)
