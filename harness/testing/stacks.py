"""Deploys stacks for tests, each once a session, on twins unless a test asks for the real model server."""

from __future__ import annotations

import base64
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, reason
from harness.core.profile import Profile, Provenance, SampleAnswer, ServiceTimes
from harness.hosting.instances.kinds import kind_problem
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.stack.tables import Stack
from harness.stack.twins import on_twins
from harness.testing.aws import Aws

TWIN_SECONDS = 0.05
"""Time in which a twin answers if the stack has no measured profile: made up, and short to keep tests quick."""


@dataclass(frozen=True)
class EndpointAnswer:
    """The answer of InvokeEndpoint. variant: the production variant that gave it."""

    body: bytes
    content_type: str
    variant: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class EndpointUnderTest:
    """A deployed endpoint. invoke() raises boto3's own ClientError."""

    name: str
    client: Any

    def invoke(self, body: bytes | str | Mapping[str, Any] | list[Any], content_type: str = "application/json",
               **request: Any) -> EndpointAnswer:  # fmt: skip
        """Invoke the endpoint.

        body: bytes and text are sent as they are, anything else as JSON. request: more members of InvokeEndpoint.
        """
        sent = body if isinstance(body, bytes | str) else json.dumps(body)
        answer = self.client.invoke_endpoint(EndpointName=self.name, Body=sent, ContentType=content_type, **request)
        return EndpointAnswer(answer["Body"].read(), answer["ContentType"], answer["InvokedProductionVariant"])


@dataclass(frozen=True)
class FunctionAnswer:
    """The answer of Invoke. payload: as Python objects. error: FunctionError, or None. log: the log's last 4 KB."""

    payload: Any
    error: str | None
    log: str


@dataclass(frozen=True)
class FunctionUnderTest:
    """A deployed function. invoke() raises boto3's own ClientError. name: as callers use it, with its alias if any."""

    name: str
    client: Any
    event: Any = None

    def invoke(self, event: Any = None) -> FunctionAnswer:
        """Invoke the function and wait for its answer. event: by default the stack's own."""
        payload = json.dumps(self.event if event is None else event)
        answer = self.client.invoke(FunctionName=self.name, Payload=payload, LogType="Tail")
        log = base64.b64decode(answer.get("LogResult", "")).decode("utf-8", "replace")
        return FunctionAnswer(json.loads(answer["Payload"].read()), answer.get("FunctionError"), log)


@dataclass(frozen=True)
class StackUnderTest:
    """A deployed stack, with the endpoint and the function that tests call."""

    aws: Aws
    stack: Stack

    @property
    def endpoint(self) -> EndpointUnderTest:
        return EndpointUnderTest(self.stack.endpoint.name, self.aws.client("sagemaker-runtime"))

    @property
    def function(self) -> FunctionUnderTest:
        """The stack's function. Raises ValueError if it has none."""
        table = self.stack.function
        if table is None:
            raise ValueError(f"the stack {self.stack.name} has no function")
        event = json.loads(self.stack.path(table.event).read_bytes()) if table.event else {}
        return FunctionUnderTest(table.qualified_name, self.aws.client("lambda"), event)


@dataclass
class StackDeployer:
    """Deploys stacks to one local AWS. A stack replaces an earlier one with the same endpoint name."""

    aws: Aws
    _deployed: dict[str, str] = field(default_factory=dict)

    def get(self, file: Path, instances: str = "twin", answer: Any = None) -> StackUnderTest:
        """Deploy a stack file, unless it is deployed already in the same way.

        instances: the kind of process in place of an ML instance; ``process`` is the real model server. answer: what a
        twin answers, any JSON value; by default the answer in the stack's profile, else ``{}``. Raises HarnessError if
        the file is not a stack, or it cannot be deployed.
        """
        stack = load_stack(file)
        _check_instances(stack, instances)
        _check_json(answer)
        deployment = json.dumps([str(file.resolve()), instances, answer, stack.model_dump(mode="json")], default=str)
        if self._deployed.get(stack.endpoint.name) != deployment:
            self._deploy(stack, instances, answer)
            self._deployed[stack.endpoint.name] = deployment
        return StackUnderTest(self.aws, stack)

    def forget(self) -> None:
        """Deploy everything anew: the local AWS was emptied."""
        self._deployed.clear()

    def _deploy(self, stack: Stack, instances: str, answer: Any) -> None:
        with tempfile.TemporaryDirectory(prefix="sagemaker-harness-") as scratch:
            twin = instances == "twin"
            changed = twins_for_tests(stack, Path(scratch), answer) if twin else _with_instances(stack, instances)
            StackDeployment(changed, administrator_session(), self.aws.url, _discard).run(build=not twin)


def _check_instances(stack: Stack, instances: str) -> None:
    """Raises HarnessError for a kind that cannot stand in for the stack's instances; a twin for tests always can."""
    if instances == "twin":
        return
    problem = kind_problem(replace(stack.local, instances=instances)) if isinstance(instances, str) else "is not a name"
    if problem is not None:
        raise HarnessError(f"instances={instances!r} {problem}.")


def _check_json(answer: Any) -> None:
    try:
        json.dumps(answer)
    except (TypeError, ValueError) as error:
        raise HarnessError(f"A twin answers with a JSON value, which answer= is not: {reason(error)}.") from None


def twins_for_tests(stack: Stack, scratch: Path, answer: Any = None) -> Stack:
    """The stack on twins that answer as its own profile says, or with ``answer`` after TWIN_SECONDS.

    The profile counts if the stack names one and ``answer`` is None. scratch: a folder for what is deployed.
    """
    if stack.local.profile is not None and answer is None:
        return on_twins(stack, stack.local.profile, scratch=scratch, local=stack.local)
    return on_twins(stack, _made_up_profile(answer), scratch=scratch)


def _with_instances(stack: Stack, instances: str) -> Stack:
    return stack.model_copy(update={"local": replace(stack.local, instances=instances)})


def _made_up_profile(answer: Any) -> Profile:
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


def _discard(step: str) -> None:
    """Drop the steps of a deployment, which do not belong in a test's output."""
