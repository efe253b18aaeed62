"""Hand-held instances: a test decides what they answer and when they are ready, fail and end.

They stand behind the endpoints of a whole local AWS, on a clock that the test moves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.core.clock import VirtualClock
from harness.hosting.instances.base import (
    Answer,
    Instance,
    InstanceFailed,
    InstanceKind,
    InstanceSpec,
    Log,
    ResourceUsage,
    StreamedAnswer,
)
from harness.hosting.instances.settings import LocalSettings
from tests.support import REGION, Aws, unique

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
Handler = Callable[[bytes, Mapping[str, str]], Any]
"""What a hand-held model answers: an Answer, a document, or a coroutine of either; it may raise."""


class HandInstance(Instance):
    """An instance that is ready when its hands are open and answers what they say."""

    def __init__(self, hands: Hands, spec: InstanceSpec, log: Log) -> None:
        self.hands = hands
        self.spec = spec
        self.log = log
        self.ended = asyncio.Event()
        self.stopped = False
        self.requests: list[tuple[bytes, Mapping[str, str]]] = []
        self.used = ResourceUsage(0.0, 0)

    async def start(self) -> None:
        self.log("started")

    async def wait_ready(self, timeout: float) -> None:
        await self.hands.ready.wait()
        if self.spec.variant in self.hands.broken:
            raise InstanceFailed(self.hands.broken[self.spec.variant])

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        self.requests.append((body, headers))
        answer = self.hands.answer.get(self.spec.variant, echo)(body, headers)
        if asyncio.iscoroutine(answer):
            answer = await asyncio.wait_for(answer, timeout)
        if isinstance(answer, Answer):
            return answer
        return Answer(200, "OK", {"Content-Type": "application/json"}, json.dumps(answer).encode())

    @contextlib.asynccontextmanager
    async def stream(self, body: bytes, headers: Mapping[str, str], timeout: float) -> AsyncIterator[StreamedAnswer]:
        self.requests.append((body, headers))
        yield self.hands.streams[self.spec.variant](body, headers)

    def usage(self) -> ResourceUsage:
        return self.used

    async def wait_ended(self) -> None:
        await self.ended.wait()

    async def stop(self) -> None:
        self.stopped = True
        self.ended.set()


def echo(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    return {"echo": body.decode("utf-8", "replace"), "headers": dict(headers)}


@dataclass
class Hands(InstanceKind):
    """The kind of hand-held instances. answer, streams, broken: by variant name."""

    reports_usage = True
    built: list[HandInstance] = field(default_factory=list)
    answer: dict[str, Handler] = field(default_factory=dict)
    streams: dict[str, Callable[[bytes, Mapping[str, str]], StreamedAnswer]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    ready: asyncio.Event = field(default_factory=asyncio.Event)

    def build(self, spec: InstanceSpec, log: Log) -> HandInstance:
        self.built.append(HandInstance(self, spec, log))
        return self.built[-1]

    async def open(self) -> None:
        """Lets every instance become ready; on the loop of the instances."""
        self.ready.set()

    def of(self, endpoint: str, variant: str = "v") -> list[HandInstance]:
        """The living instances of a variant."""
        return [
            instance
            for instance in self.built
            if (instance.spec.endpoint, instance.spec.variant, instance.stopped) == (endpoint, variant, False)
        ]


@dataclass
class Held:
    """A local AWS whose endpoints have hand-held instances, and whose clock the test moves."""

    aws: Aws
    hands: Hands
    clock: VirtualClock
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client, made once because that takes longer than most tests."""
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    @property
    def sagemaker(self) -> Any:
        return self.client("sagemaker")

    def advance(self, seconds: float) -> None:
        self.aws.run(self.clock.advance(seconds))

    def model(self) -> str:
        name = unique("model")
        self.sagemaker.create_model(ModelName=name, PrimaryContainer={"Image": IMAGE})
        return name

    def config(self, *variants: Mapping[str, Any], **members: Any) -> str:
        """A configuration with variants of one instance each, or as given."""
        name, model = unique("config"), self.model()
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant(model, **members_of_one) for members_of_one in variants or ({},)],
            **members,
        )
        return name

    def endpoint(self, config: str, *, wait: bool = True, **settings: Any) -> str:
        name = unique("endpoint")
        self.aws.local.hosting.configure(name, LocalSettings(instances="hand", **settings))
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        if wait:
            assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.sagemaker.describe_endpoint(EndpointName=name))

    def settled(self, name: str) -> dict[str, Any]:
        """The endpoint's description once nothing is under way."""
        return self.until(
            lambda: self.describe(name), lambda description: description["EndpointStatus"] in ("InService", "Failed")
        )

    def until(self, look: Callable[[], Any], good: Callable[[Any], bool] = bool) -> Any:
        end = time.monotonic() + 20
        while not good(value := look()):
            assert time.monotonic() < end, f"it is still {value}"
            time.sleep(0.01)
        return value

    def invoke(self, name: str, body: bytes = b"{}", **members: Any) -> dict[str, Any]:
        runtime = self.client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(EndpointName=name, Body=body, **members)
        return {**answer, "Body": answer["Body"].read()}

    def metric(self, name: str, period: int = 60, namespace: str = "AWS/SageMaker", **dimensions: str) -> list[Any]:
        """The periods of a metric that are over, oldest first."""
        periods = self.aws.local.metrics.history(namespace, name, dimensions.items(), REGION, period=period)
        return list(periods or ())


def variant(model: str, name: str = "v", count: int = 1, weight: float = 1.0, **members: Any) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": weight,
        **members,
    }
