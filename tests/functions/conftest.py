"""Fixtures and helpers of the tests of functions: a moto backend for the session, and the service on it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import logging
import textwrap
import time
import uuid
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.session import Session
from botocore.validate import ParamValidator
from moto.server import ThreadedMotoServer

from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core.calls import Call, Principal
from harness.core.clock import Clock, WallClock
from harness.core.errors import AwsError
from harness.functions.api import Functions
from tests.roles import service_roles

ACCOUNT = "123456789012"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/dog-breed-lambda"
ROOT = Principal(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")


def known_roles() -> ServiceRoles:
    """The functions' role, and one that Lambda cannot assume."""
    return service_roles(ACCOUNT, {"dog-breed-lambda": "lambda.amazonaws.com", "for-ec2": "ec2.amazonaws.com"})


def zipped(source: str, name: str = "app.py") -> bytes:
    """A deployment package with one module."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), textwrap.dedent(source))
    return content.getvalue()


async def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until a condition is true that another process or task brings about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true in time"
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs. A zombie does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def backend() -> Iterator[Backend]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    backend = Backend(f"http://{host}:{port}")
    yield backend
    server.stop()


def make_call(operation: str, *, region: str = REGION) -> Call:
    return Call("lambda", operation, ROOT, ACCOUNT, region, str(uuid.uuid4()))


MODEL = Session().get_service_model("lambda")


def check_answer(operation: str, answer: Mapping[str, Any]) -> None:
    """Check that an answer has only the members and types of botocore's model."""
    shape = MODEL.operation_model(operation).output_shape
    assert shape is not None
    assert set(answer) <= set(shape.members)
    assert not ParamValidator().validate(answer, shape).has_errors()


async def refused(call: Awaitable[Any]) -> AwsError:
    """The error with which a call is refused."""
    with pytest.raises(AwsError) as caught:
        await call
    return caught.value


@dataclass
class Answer:
    """The response of an Invoke request, and the id of the request."""

    request_id: str
    response: dict[str, Any]

    @property
    def payload(self) -> Any:
        return json.loads(self.response["Payload"])

    @property
    def error(self) -> str | None:
        error: str | None = self.response.get("FunctionError")
        return error

    @property
    def log(self) -> str:
        return base64.b64decode(self.response["LogResult"]).decode()


@dataclass
class Lambda:
    """The service, called as the gateway calls it."""

    service: Functions
    backend: Backend

    async def create(self, source: str | bytes = "def handler(event, context): return event", **more: Any) -> str:
        """Create a function with a unique name and return the name."""
        name: str = more.pop("FunctionName", f"f{uuid.uuid4().hex[:12]}")
        code = source if isinstance(source, bytes) else zipped(source)
        request = {"Runtime": "python3.11", "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": code}} | more
        await self("CreateFunction", FunctionName=name, **request)
        return name

    async def __call__(self, operation: str, *, region: str = REGION, **request: Any) -> dict[str, Any]:
        snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation)[1:]
        method: Callable[[Call, dict[str, Any]], Awaitable[dict[str, Any]]] = getattr(self.service, snake)
        return await method(make_call(operation, region=region), request)

    async def invoke(self, name: str, event: Any = None, **more: Any) -> Answer:
        call = make_call("Invoke")
        request = {"FunctionName": name, "Payload": json.dumps(event).encode(), "LogType": "Tail"} | more
        return Answer(call.request_id, await self.service.invoke(call, request))

    async def events(self, name: str) -> list[list[str]]:
        """The messages of each of the function's log streams in the backend."""
        await self.service.flush_logs()
        group = f"/aws/lambda/{name}"
        streams = (await self.backend.call("logs", "describe_log_streams", logGroupName=group))["logStreams"]
        messages = []
        for stream in streams:
            events = await self.backend.call(
                "logs",
                "get_log_events",
                logGroupName=group,
                logStreamName=stream["logStreamName"],
                startFromHead=True,
            )
            messages.append([event["message"] for event in events["events"]])
        return messages


def make_service(backend: Backend, workspace: Path, clock: Clock | None = None, **more: Any) -> Functions:
    clock = clock or WallClock()
    metrics = Metrics(backend, clock)
    return Functions(backend, clock, metrics, known_roles(), gateway_url=str(backend.at), workspace=workspace, **more)


@contextlib.asynccontextmanager
async def running(service: Functions, backend: Backend) -> AsyncIterator[Lambda]:
    await service.start()
    try:
        yield Lambda(service, backend)
    finally:
        await service.close()


@pytest.fixture
async def lambda_(backend: Backend, tmp_path: Path) -> AsyncIterator[Lambda]:
    async with running(make_service(backend, tmp_path / "lambda"), backend) as lambda_:
        yield lambda_
