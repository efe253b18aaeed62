"""What an instance and a kind of instance are: the base classes that every kind derives from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from harness.hosting.instances.settings import LocalSettings

if TYPE_CHECKING:
    from harness.core.clock import Clock

Log = Callable[[str], None]
"""Takes each line that a container prints."""


class InstanceFailed(Exception):
    """The instance did not become ready. The text is the container's own last lines, or says what is missing.

    variant: the production variant of the instance; its fleet fills it in.
    """

    variant: str | None = None


class InvocationFailed(Exception):
    """The instance gave no answer: it died, refused the connection or hung up. The text says which."""


class MalformedAnswer(InvocationFailed):
    """The instance answered with something that is not HTTP."""


class AnswerTooLarge(InvocationFailed):
    """The instance's answer was larger than ANSWER_LIMIT of harness.hosting.rules.sizes."""


@dataclass(frozen=True, slots=True)
class InstanceSpec:
    """What an instance runs.

    model_dir: the unpacked model.tar.gz, this instance's own copy (a container may write to it); an empty folder for a
    kind that needs no model data.
    environment: the container's Environment and the role's credentials.
    workspace: a folder for the instance's temporary files; its owner removes it.
    settings: what the stack says under [local].
    """

    endpoint: str
    variant: str
    number: int
    instance_type: str
    model_dir: Path
    workspace: Path
    environment: Mapping[str, str]
    settings: LocalSettings


@dataclass(frozen=True, slots=True)
class Answer:
    """A container's HTTP answer to POST /invocations."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamedAnswer:
    """A container's HTTP answer whose body is still to come. parts: raises InvocationFailed if the body breaks off."""

    status: int
    headers: Mapping[str, str]
    parts: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ResourceUsage:
    """What an instance uses.

    cpu_seconds: used since its start, over all cores. memory_bytes: held now, with each shared page counted once.
    """

    cpu_seconds: float
    memory_bytes: int


class Instance(ABC):
    """One instance. Its fleet calls start() once, wait_ready() once, invoke() many times and stop() once."""

    @abstractmethod
    async def start(self) -> None:
        """Starts the instance; wait_ready() follows."""

    @abstractmethod
    async def wait_ready(self, timeout: float) -> None:
        """Returns when ``/ping`` answers 200. Raises InstanceFailed when it ended, or after ``timeout`` seconds."""

    @abstractmethod
    async def invoke(self, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
        """Sends one request. Raises InvocationFailed, or TimeoutError after ``timeout`` seconds."""

    @abstractmethod
    async def wait_ended(self) -> str | None:
        """Returns when the instance has ended, whatever the reason, or no longer answers.

        None if it has ended. If it does not answer (harness.hosting.instances.health), a sentence's end that says so:
        its fleet kills it then.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Ends the instance: SIGTERM, then SIGKILL after 30 s (SM guide). Returns when it is gone."""

    async def kill(self) -> None:
        """Ends at once an instance that no longer answers, with SIGKILL. Returns when it is gone."""
        await self.stop()

    def stream(
        self, body: bytes, headers: Mapping[str, str], timeout: float
    ) -> AbstractAsyncContextManager[StreamedAnswer]:
        """Sends one request and passes its answer on while it comes; an instance that cannot gives it as one part.

        Raises InvocationFailed, or TimeoutError when the whole answer takes longer than ``timeout`` seconds.
        """
        return _as_one_part(self, body, headers, timeout)

    def usage(self) -> ResourceUsage | None:
        """What the instance uses; None if it has ended or cannot tell. May be called in any thread."""
        return None

    @property
    def workers(self) -> int | None:
        """How many requests the instance serves at once; None if it cannot tell."""
        return None


class InstanceKind(ABC):
    """A kind of instance. One object for each local AWS builds all instances of the kind.

    needs_model_data: whether model.tar.gz is downloaded and unpacked before an instance is built.
    reports_usage: whether usage() of its instances is worth asking; without it there is no CPUUtilization and no
    MemoryUtilization.
    """

    needs_model_data: ClassVar[bool] = False
    reports_usage: ClassVar[bool] = False

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    @classmethod
    def missing(cls, settings: LocalSettings) -> str | None:
        """What the kind needs of [local] and does not find there, as a sentence's end (``needs containers``)."""
        return None

    @abstractmethod
    def build(self, spec: InstanceSpec, log: Log) -> Instance:
        """An instance that is not started yet. May be called in any thread. Raises InstanceFailed if it cannot be."""

    async def close(self) -> None:
        """Called once, after the last instance has stopped."""
        return


@asynccontextmanager
async def _as_one_part(
    instance: Instance, body: bytes, headers: Mapping[str, str], timeout: float
) -> AsyncIterator[StreamedAnswer]:
    answer = await instance.invoke(body, headers, timeout)

    async def parts() -> AsyncIterator[bytes]:
        yield answer.body

    yield StreamedAnswer(answer.status, answer.headers, parts())
