"""The instances that can be measured: one started on this machine, or the one behind a deployed endpoint."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
import yarl

from harness.core import tasks
from harness.core.clock import WallClock
from harness.core.errors import HarnessError
from harness.core.sigv4 import signed_headers
from harness.hosting.instances.base import Instance, InstanceFailed, InstanceSpec, InvocationFailed
from harness.hosting.instances.kinds import KindRegistry
from harness.hosting.model_data import ModelDataError, unpack
from harness.hosting.rules.timeouts import CLIENT_SECONDS, INVOCATION_SECONDS
from harness.load.answers import observe
from harness.load.target import LoadTarget
from harness.measure.loops import Ask, Reply, closed_loop
from harness.stack.tables import Stack

_CONNECT_SECONDS = 5.0
WAY_REQUESTS = 20
"""How many refused requests are sent to time the way to an endpoint."""
# What observe()'s error codes begin with for an answer of the container itself.
_MODEL_ERROR = "ModelError("


@dataclass(frozen=True, slots=True)
class Payload:
    """The body of each request, with its headers. accept: None leaves that header out."""

    body: bytes
    content_type: str
    accept: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        accept = {} if self.accept is None else {"Accept": self.accept}
        return {"Content-Type": self.content_type, **accept}


@dataclass(frozen=True, slots=True)
class Subject:
    """One instance to measure.

    ceiling: the most callers to try. workers: as configured; None if that is not known. away: seconds of each request
    that the way to the instance and back takes. load_seconds: None if the loading was not observed. memory: gives the
    bytes that the instance holds now; None if that is not known.
    """

    ask: Ask
    ceiling: int
    workers: int | None = None
    away: float = 0.0
    load_seconds: float | None = None
    memory: Callable[[], int | None] = lambda: None


MOST_CALLERS = 64
"""The most callers to try for an instance that does not say how many workers it has."""


@contextlib.asynccontextmanager
async def local_instance(stack: Stack, variant: str, payload: Payload, scratch: Path) -> AsyncIterator[Subject]:
    """Starts the variant's instance here, of the kind that the stack's [local] names, and stops it at the end.

    scratch: an empty folder. Raises HarnessError if it cannot be started.
    """
    chosen = stack.endpoint.production_variants[variant]
    model = stack.models[chosen.model]
    settings = stack.local
    kinds = KindRegistry(WallClock())
    lines: list[str] = []
    try:
        kind = kinds.get(settings.instances)
        model_dir, workspace = scratch / "model", scratch / "work"
        workspace.mkdir()
        if kind.needs_model_data:
            if model.model_data.startswith("s3://"):
                raise HarnessError(
                    f"The model data lies at {model.model_data}: give a local model_data, or measure the deployed "
                    "endpoint with --deployed or --aws."
                )
            await tasks.in_thread(unpack, stack.path(model.model_data), model_dir)
        else:
            model_dir.mkdir()
        spec = InstanceSpec(
            "measured", variant, 0, chosen.instance_type, model_dir, workspace, model.environment, settings
        )
        instance = kind.build(spec, lines.append)
        try:
            begun = time.monotonic()
            await instance.start()
            await instance.wait_ready(float(chosen.container_startup_health_check_timeout))
            took = time.monotonic() - begun
            workers = instance.workers
            yield Subject(
                _ask_instance(instance, payload),
                2 * workers if workers else MOST_CALLERS,
                workers,
                load_seconds=took,
                memory=lambda: _memory(instance),
            )
        finally:
            await instance.stop()
    except (InstanceFailed, ModelDataError) as error:
        raise HarnessError(f"The instance did not start: {error}") from None
    finally:
        await kinds.close()


def _memory(instance: Instance) -> int | None:
    usage = instance.usage()
    return usage.memory_bytes if usage else None


def _ask_instance(instance: Instance, payload: Payload) -> Ask:
    async def ask() -> Reply:
        try:
            answer = await instance.invoke(payload.body, payload.headers, INVOCATION_SECONDS)
        except TimeoutError:
            return Reply(0, says=f"no answer within {INVOCATION_SECONDS:g} s")
        except InvocationFailed as error:
            return Reply(0, says=str(error))
        content_type = answer.headers.get("Content-Type", "application/octet-stream")
        return Reply(answer.status, content_type, answer.body, answer.reason)

    return ask


@contextlib.asynccontextmanager
async def endpoint(
    target: LoadTarget, name: str, payload: Payload, spend: Callable[[], None]
) -> AsyncIterator[Callable[[str], Ask]]:
    """Gives a function from a variant's name to its Ask, which calls InvokeEndpoint at the harness or on AWS.

    spend: is called before every request, and raises an error if the request may not be sent.
    """
    path = f"/endpoints/{quote(name, safe='')}/invocations"
    url = yarl.URL(target.url + path, encoded=True)
    host = urlsplit(target.url).netloc
    limit = aiohttp.ClientTimeout(total=CLIENT_SECONDS, sock_connect=_CONNECT_SECONDS)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=limit,
        skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent"),
    ) as session:

        async def ask(variant: str) -> Reply:
            spend()
            headers = signed_headers(
                target.credentials,
                target.region,
                "sagemaker",
                method="POST",
                path=path,
                query="",
                headers={"Host": host, **payload.headers, "X-Amzn-SageMaker-Target-Variant": variant},
                body=payload.body,
                at=time.time(),
            )
            try:
                async with session.post(url, data=payload.body, headers=headers) as answer:
                    return _reply(answer.status, answer.headers, await answer.read(), len(payload.body))
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                return Reply(0, says=f"{type(error).__name__}: {error}")

        yield lambda variant: partial(ask, variant)


async def way(ask_refused: Ask) -> float:
    """Seconds to the endpoint and back, access and routing included; 0 if it does not refuse the requests.

    ask_refused: sends a request that the endpoint refuses before it reaches a container.
    """
    answers = (await closed_loop(ask_refused, 1, WAY_REQUESTS)).answers
    if not all(400 <= answer.reply.status < 500 for answer in answers):
        return 0.0
    return statistics.median(answer.seconds for answer in answers)


def _reply(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Reply:
    """The endpoint's answer, or the container's own answer if an error of the endpoint passes one on."""
    content_type = headers.get("Content-Type", "application/octet-stream")
    if status == 200:
        return Reply(200, content_type, body)
    seen = observe("endpoint", status, headers.get, body, sent)
    code = seen.error or f"HTTP {status}"
    if code.startswith(_MODEL_ERROR) and code[len(_MODEL_ERROR) : -1].isdigit():
        status = int(code[len(_MODEL_ERROR) : -1])
    return Reply(status, content_type, body, f"{code}: {seen.message}")


def read_payload(file: Path, content_type: str) -> Payload:
    """Reads a payload. Raises HarnessError if the file cannot be read."""
    try:
        return Payload(file.read_bytes(), content_type, "application/json")
    except OSError as error:
        raise HarnessError(f"{file} cannot be read ({error.strerror}): name another file with --payload.") from None


def machine_load() -> float:
    """The machine's load average over the last minute."""
    return round(os.getloadavg()[0], 2)


def sample(reply: Reply) -> str:
    """The beginning of an answer, for an error message."""
    text = reply.says or reply.body[:200].decode("utf-8", "replace")
    return json.dumps(text)
