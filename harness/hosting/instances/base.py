"""The interface of one instance behind a variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from harness.core.profile import Profile

Log = Callable[[str], None]
"""Called with every line that a container prints."""


class InstanceFailed(Exception):
    """The instance did not become ready; the text is the container's own last lines, or says what is missing.

    variant: the production variant that it is of, once its fleet has said so.
    """

    variant: str | None = None


class InvocationFailed(Exception):
    """The instance gave no answer: it died, refused the connection or hung up. The text says which."""


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """What a stack says of its endpoint that AWS has no word for; sent to the harness beside the AWS calls.

    instances: the kind that stands in for an ML instance, by its registered name.
    server: ``torchserve`` or ``asgi``.
    responses: folder of recorded HTTP responses for the model's own downloads, or None for no egress proxy.
    containers: URLs of the running containers that the kind ``container`` may use.
    profile: what the kind ``twin`` answers from.
    provisioning_seconds: of the clock, before an instance starts: AWS takes minutes.
    serve_unready: an instance that is added takes requests as soon as it is started, as where ``/ping`` answers 200
    before the model is loaded (aws/sagemaker-inference-toolkit#138).
    concurrent_requests: how many SageMaker lets through for each instance at once before it throttles; AWS's own limit
    is "dynamic", by the instances and their types (opensearch ml-commons#2429), and not published: None is no limit.
    """

    instances: str = "process"
    server: str = "torchserve"
    responses: Path | None = None
    containers: tuple[str, ...] = ()
    profile: Profile | None = None
    provisioning_seconds: float = 0.0
    serve_unready: bool = False
    concurrent_requests: int | None = None


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What an instance is to run.

    model_dir: the unpacked model.tar.gz, this instance's own copy (a container may write to it); an empty folder for a
    kind that needs no model data.
    environment: the container's Environment and the role's credentials.
    workspace: a folder for the instance's temporary files; its owner removes it.
    """

    endpoint: str
    variant: str
    number: int
    instance_type: str
    model_dir: Path
    workspace: Path
    environment: Mapping[str, str]
    settings: LocalSettings = field(default_factory=LocalSettings)


@dataclass(frozen=True, slots=True)
class Answer:
    """A container's HTTP answer to POST /invocations."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


class Instance(Protocol):
    """One instance. start() once, wait_ready() until it serves, invoke() many times, stop() once."""

    async def start(self) -> None: ...

    async def wait_ready(self, timeout: float) -> None:
        """Returns when ``/ping`` says 200. Raises InstanceFailed when it ended, or after ``timeout`` seconds."""
        ...

    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """One request. Raises InvocationFailed, or TimeoutError after ``timeout`` seconds."""
        ...

    async def wait_ended(self) -> None:
        """Returns when the instance has ended, for whatever reason."""
        ...

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after 30 s (SageMaker guide); returns when it is gone."""
        ...


class InstanceKind(Protocol):
    """A kind of instance: made once per harness with its clock, ``Kind(clock)``, and asked for every instance.

    needs_model_data: whether model.tar.gz is fetched and unpacked before an instance is built.
    """

    @property
    def needs_model_data(self) -> bool: ...

    def build(self, spec: InstanceSpec, log: Log) -> Instance:
        """An instance that is not started yet; called in any thread. Raises InstanceFailed when it cannot be."""
        ...

    async def close(self) -> None:
        """Called once, after the last instance has stopped."""
        ...
