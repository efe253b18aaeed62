"""Stacks deployed for tests: each once a session, on twins unless a test asks for the real model server."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core.profile import Profile, Provenance, SampleAnswer, ServiceTimes
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack
from harness.stack.twins import on_twins
from harness.testing.aws import Aws

TWIN_SECONDS = 0.05
"""What a twin takes to answer where the stack has no measured profile: made up, and quick for a test's sake."""


@dataclass(frozen=True)
class EndpointAnswer:
    """What InvokeEndpoint answered. variant: the production variant that served it."""

    body: bytes
    content_type: str
    variant: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Endpoint:
    """A deployed endpoint. invoke() raises boto3's own ClientError."""

    name: str
    client: Any

    def invoke(self, body: bytes | str | Mapping[str, Any] | list[Any], content_type: str = "application/json",
               **request: Any) -> EndpointAnswer:  # fmt: skip
        """body: bytes or text as it is, anything else as JSON. request: more of InvokeEndpoint's members."""
        sent = body if isinstance(body, bytes | str) else json.dumps(body)
        answer = self.client.invoke_endpoint(EndpointName=self.name, Body=sent, ContentType=content_type, **request)
        return EndpointAnswer(answer["Body"].read(), answer["ContentType"], answer["InvokedProductionVariant"])


@dataclass(frozen=True)
class FunctionAnswer:
    """What Invoke answered. payload: as Python objects; error: FunctionError, or None; log: its last 4 KB."""

    payload: Any
    error: str | None
    log: str


@dataclass(frozen=True)
class Function:
    """A deployed function, by the name that callers use (its alias with it). invoke() raises boto3's ClientError."""

    name: str
    client: Any
    event: Any = None

    def invoke(self, event: Any = None) -> FunctionAnswer:
        """Synchronously; event: the stack's own by default."""
        payload = json.dumps(self.event if event is None else event)
        answer = self.client.invoke(FunctionName=self.name, Payload=payload, LogType="Tail")
        log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        return FunctionAnswer(json.loads(answer["Payload"].read()), answer.get("FunctionError"), log)


@dataclass(frozen=True)
class DeployedStack:
    """A stack that is deployed, with what tests call in it."""

    aws: Aws
    stack: Stack

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.stack.endpoint.name, self.aws.client("sagemaker-runtime"))

    @property
    def function(self) -> Function:
        """Raises ValueError where the stack has none."""
        table = self.stack.function
        if table is None:
            raise ValueError(f"the stack {self.stack.name} has no function")
        event = json.loads(self.stack.path(table.event).read_bytes()) if table.event else {}
        return Function(table.qualified_name, self.aws.client("lambda"), event)


@dataclass
class Deployments:
    """The stacks of one local AWS. A stack of the same name and endpoint as an earlier one takes its place."""

    aws: Aws
    _deployed: dict[str, str] = field(default_factory=dict)

    def get(self, file: Path, instances: str = "twin", answer: Any = None) -> DeployedStack:
        """Deploys a stack file unless it is deployed so already.

        instances: the kind that stands in for an ML instance, ``process`` for the real model server. answer: what a
        twin answers, anything that JSON has; ``{}`` where neither it nor the stack's profile says. Raises HarnessError
        as load_stack and StackDeployment do.
        """
        stack = load_stack(file)
        wanted = json.dumps([str(file.resolve()), instances, answer, stack.model_dump(mode="json")], default=str)
        if self._deployed.get(stack.endpoint.name) != wanted:
            self._deploy(stack, instances, answer)
            self._deployed[stack.endpoint.name] = wanted
        return DeployedStack(self.aws, stack)

    def _deploy(self, stack: Stack, instances: str, answer: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="sagemaker-harness-") as scratch:
            twin = instances == "twin"
            chosen = twins_for_tests(stack, Path(scratch), answer) if twin else _on(stack, instances)
            StackDeployment(chosen, administrator_session(), self.aws.url, _unheard).run(build=not twin)


def twins_for_tests(stack: Stack, scratch: Path, answer: Any = None) -> Stack:
    """The stack on twins that answer from its own profile where it names one, else ``answer`` after TWIN_SECONDS.

    scratch: a folder for what is deployed.
    """
    if stack.local.profile is not None and answer is None:
        return on_twins(stack, stack.local.profile, scratch=scratch, local=stack.local)
    return on_twins(stack, _made_up(answer), scratch=scratch)


def _on(stack: Stack, instances: str) -> Stack:
    return stack.model_copy(update={"local": replace(stack.local, instances=instances)})


def _made_up(answer: Any) -> Profile:
    body = json.dumps({} if answer is None else answer).encode()
    return Profile(
        name="made-up",
        provenance=Provenance(
            measured_at=datetime.now(UTC), machine="none", method="Made up for tests: nothing was measured."
        ),
        workers=2,
        service_times=(ServiceTimes.of(1, [TWIN_SECONDS]),),
        load_seconds=0.0,
        memory=0,
        answer=SampleAnswer.of("application/json", body),
    )


def _unheard(step: str) -> None:
    """A test's output has no place for the steps of a deployment."""
