"""What goes wrong behind an endpoint, over real connections: each fault costs its own request, and nothing hangs."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.hosting.instances.process import instance as process_instance
from harness.hosting.instances.settings import LocalSettings
from tests.hosting.conftest import Deployed, create_endpoint, settled
from tests.hosting.hands import IMAGE, Held, variant
from tests.hosting.models import ECHO, model_tar
from tests.profiles import a_profile
from tests.support import Aws, unique

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Container:
    """A server on a loopback port that answers /ping, and to /invocations whatever ``behave`` writes."""

    def __init__(self) -> None:
        self.behave: Serve = answer
        self.url = ""

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET /ping"):
            writer.write(ANSWER)
        else:
            await self.behave(reader, writer)
        writer.close()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ANSWER)


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01\x02 what is this\r\n\r\n")


async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def stop_halfway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ANSWER.replace(b"Length: 2", b"Length: 2000"))


async def in_parts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (b"one", b"two"):
        writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        await writer.drain()
        await asyncio.sleep(0.05)
    writer.write(b"0\r\n\r\n")


async def a_part_and_no_more(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")


@pytest.fixture(scope="module")
def container(aws: Aws) -> Iterator[Container]:
    running = Container()
    aws.run(running.start())
    yield running
    aws.run(running.stop())


@pytest.fixture(scope="module")
def endpoint(aws: Aws, container: Container) -> Iterator[Deployed]:
    name, sagemaker = unique("fault"), aws.client("sagemaker")
    sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant(name)])
    aws.local.hosting.configure(name, LocalSettings(instances="container", containers=(container.url,)))
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    deployed = Deployed(aws, name)
    assert settled(deployed)["EndpointStatus"] == "InService"
    yield deployed
    sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (garbage, "The response of container primary is not valid HTTP."),
        (hang_up, "An error occurred while handling request as the model process exited."),
        (stop_halfway, "An error occurred while handling request as the model process exited."),
    ],
)
def test_a_missing_answer_is_a_model_error_and_the_next_request_is_served(
    endpoint: Deployed, container: Container, behave: Serve, said: str
) -> None:
    container.behave = behave
    with pytest.raises(ClientError) as refused:
        endpoint.invoke({})
    response: Any = refused.value.response
    assert (response["Error"]["Code"], response["OriginalStatusCode"]) == ("ModelError", 0)
    assert response["OriginalMessage"] == said
    container.behave = answer
    assert endpoint.invoke({})["Body"] == b"ok"


def stream(endpoint: Deployed) -> Iterator[Any]:
    runtime = endpoint.aws.client("sagemaker-runtime")
    streamed = runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint.name, Body=b"{}")
    return iter(streamed["Body"])


def test_parts_reach_the_client_while_the_container_still_writes(endpoint: Deployed, container: Container) -> None:
    container.behave = in_parts
    assert [event["PayloadPart"]["Bytes"] for event in stream(endpoint)] == [b"one", b"two"]


def test_a_stream_that_breaks_off(endpoint: Deployed, container: Container) -> None:
    container.behave = a_part_and_no_more
    events = stream(endpoint)
    assert next(events)["PayloadPart"]["Bytes"] == b"one"
    with pytest.raises(ClientError, match="ModelStreamError"):
        next(events)


@pytest.mark.torch
def test_a_model_that_leaks_loses_the_request_that_was_too_much(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its worker is killed as by an instance's kernel and begins anew; the log says why."""
    monkeypatch.setattr(process_instance, "limit_of", lambda instance_type: 700 * 2**20)
    endpoint = create_endpoint(aws, model_tar(ECHO))
    assert settled(endpoint)["EndpointStatus"] == "InService"
    first = json.loads(endpoint.invoke({})["Body"])["pid"]
    with pytest.raises(ClientError) as refused:
        endpoint.invoke({"leak": 900_000_000, "sleep": 30})
    assert refused.value.response["Error"]["Code"] == "ModelError"
    end = time.monotonic() + 60
    while True:
        try:
            answer = json.loads(endpoint.invoke({})["Body"])
            break
        except ClientError as error:
            assert error.response["Error"]["Code"] in ("ModelError", "ServiceUnavailable")
            assert time.monotonic() < end, "it did not come back"
            time.sleep(0.2)
    assert answer["pid"] != first
    aws.run(aws.local.hosting.logs.flush())
    group, logs = f"/aws/sagemaker/Endpoints/{endpoint.name}", aws.client("logs")
    events = logs.filter_log_events(logGroupName=group, filterPattern='"Out of memory"')["events"]
    assert f"Out of memory: killed process {first} (" in events[0]["message"]
    aws.client("sagemaker").delete_endpoint(EndpointName=endpoint.name)


@pytest.mark.parametrize(("limit", "status"), [(None, "Failed"), (360, "InService")])
def test_a_model_that_takes_5_minutes_to_load(held: Held, limit: int | None, status: str) -> None:
    """4 are allowed unless ContainerStartupHealthCheckTimeoutInSeconds says otherwise (SM guide)."""
    members = {} if limit is None else {"ContainerStartupHealthCheckTimeoutInSeconds": limit}
    name = unique("slow")
    held.aws.local.hosting.configure(name, LocalSettings("twin", profile=a_profile(load_seconds=300)))
    held.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=held.config(members))
    begun = held.clock.now()
    held.until(lambda: held.advance(20) or held.describe(name)["EndpointStatus"] != "Creating")
    description = held.describe(name)
    assert description["EndpointStatus"] == status
    assert held.clock.now() - begun >= (240 if limit is None else 300)
    if limit is None:
        assert "/ping did not answer 200 within 240 s" in description["FailureReason"]
    held.sagemaker.delete_endpoint(EndpointName=name)


def test_an_instance_that_takes_requests_too_early_answers_them_with_errors(held: Held) -> None:
    """The error spike of aws/sagemaker-inference-toolkit#138, as the option serve_unready; and none without it."""
    name = unique("early")
    settings = LocalSettings("twin", profile=a_profile(load_seconds=60), serve_unready=True)
    held.aws.local.hosting.configure(name, settings)
    held.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=held.config())
    held.until(lambda: held.advance(10) or held.describe(name)["EndpointStatus"] == "InService")
    change = {"VariantName": "v", "DesiredInstanceCount": 2}
    held.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=[change])
    held.until(lambda: held.describe(name)["ProductionVariants"][0]["CurrentInstanceCount"] == 2)

    def answers(count: int) -> list[str]:
        found = []
        for _ in range(count):
            try:
                held.invoke(name)
                found.append("OK")
            except ClientError as error:
                response: Any = error.response
                found.append(f"{response['Error']['Code']} {response['OriginalStatusCode']}")
        return found

    assert set(answers(40)) == {"OK", "ModelError 503"}
    held.until(lambda: held.advance(10) or set(answers(20)) == {"OK"})
    held.settled(name)
    held.sagemaker.delete_endpoint(EndpointName=name)


@pytest.mark.torch
def test_a_model_server_killed_in_mid_request_costs_its_own_requests_only(aws: Aws) -> None:
    """Two instances: what the killed one held is a 424 or 503, the other goes on, and the dead one is replaced."""
    endpoint = create_endpoint(aws, model_tar(ECHO), instances=2)
    assert settled(endpoint)["EndpointStatus"] == "InService"
    codes: list[str] = []
    stop = threading.Event()

    def one(document: dict[str, Any]) -> str:
        try:
            endpoint.invoke(document)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "OK"

    def go_on() -> None:
        while not stop.is_set():
            codes.append(one({"sleep": 0.02}))

    with ThreadPoolExecutor(4) as pool:
        callers = [pool.submit(go_on) for _ in range(3)]
        time.sleep(0.5)
        assert one({"die": "parent"}) == "ModelError"
        end = time.monotonic() + 90
        while endpoint.describe()["ProductionVariants"][0]["CurrentInstanceCount"] < 2:
            assert time.monotonic() < end, "the instance was not replaced"
            time.sleep(0.1)
        stop.set()
        for caller in callers:
            caller.result(30)
    assert set(codes) <= {"OK", "ModelError", "ServiceUnavailable"}
    assert codes.count("OK") > len(codes) - 6
    aws.client("sagemaker").delete_endpoint(EndpointName=endpoint.name)
