"""What is measured: one instance of a stack on this machine, or the one behind an endpoint that is deployed."""

from __future__ import annotations

import asyncio
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

from harness.core.clock import WallClock
from harness.core.errors import HarnessError
from harness.hosting.instances.base import Instance, InstanceFailed, InstanceSpec, InvocationFailed
from harness.hosting.instances.kinds import KindRegistry
from harness.hosting.model_data import ModelDataError, unpack
from harness.hosting.rules.timeouts import INVOCATION_SECONDS
from harness.load.answers import observe
from harness.load.sigv4 import signed_headers
from harness.load.target import Target
from harness.measure.loops import Ask, Reply, closed_loop
from harness.stack.tables import Stack

"""A container has so long to answer (SM guide); a client of the endpoint waits 70."""
_CLIENT_SECONDS = 70.0
_CONNECT_SECONDS = 5.0
WAY_REQUESTS = 20
# From observe()'s error code of a container's own answer.
_MODEL_ERROR = "ModelError("


@dataclass(frozen=True, slots=True)
class Payload:
    """What is sent. accept: None leaves the header out."""

    body: bytes
    content_type: str
    accept: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        accept = {} if self.accept is None else {"Accept": self.accept}
        return {"Content-Type": self.content_type, **accept}


@dataclass(frozen=True, slots=True)
class Subject:
    """One instance that serves.

    workers: None where nobody says. away: seconds of a request's time that are the way to it and back. load_seconds:
    None where it was not seen to load. ceiling: callers beyond which nothing is looked for. memory: bytes that it
    holds now, None where that cannot be told.
    """

    ask: Ask
    ceiling: int
    workers: int | None = None
    away: float = 0.0
    load_seconds: float | None = None
    memory: Callable[[], int | None] = lambda: None


MOST_CALLERS = 64
"""The most workers that are looked for behind an address that says nothing of them."""


@contextlib.asynccontextmanager
async def local_instance(stack: Stack, variant: str, payload: Payload, scratch: Path) -> AsyncIterator[Subject]:
    """The variant's instance as the stack's [local] has it stand in, started here and gone at the end.

    scratch: an empty folder. Raises HarnessError when it cannot be started.
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
            await asyncio.to_thread(unpack, stack.path(model.model_data), model_dir)
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
    target: Target, name: str, payload: Payload, spend: Callable[[], None]
) -> AsyncIterator[Callable[[str], Ask]]:
    """InvokeEndpoint on the variant that is named, signed as the load tests sign; the same for the harness and for AWS.

    spend: called before every request, and raises where it may not be sent.
    """
    path = f"/endpoints/{quote(name, safe='')}/invocations"
    url = yarl.URL(target.url + path, encoded=True)
    host = urlsplit(target.url).netloc
    limit = aiohttp.ClientTimeout(total=_CLIENT_SECONDS, sock_connect=_CONNECT_SECONDS)
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


async def way(knock: Ask) -> float:
    """Seconds to the endpoint and back, access and routing included, from requests that it refuses before they reach a
    container; 0 where it does not refuse them."""
    answers = (await closed_loop(knock, 1, WAY_REQUESTS)).answers
    if not all(400 <= one.reply.status < 500 for one in answers):
        return 0.0
    return statistics.median(one.seconds for one in answers)


def _reply(status: int, headers: Mapping[str, str], body: bytes, sent: int) -> Reply:
    """The container's own answer, where the endpoint's error passes one on."""
    content_type = headers.get("Content-Type", "application/octet-stream")
    if status == 200:
        return Reply(200, content_type, body)
    seen = observe("endpoint", status, headers.get, body, sent)
    code = seen.error or f"HTTP {status}"
    if code.startswith(_MODEL_ERROR) and code[len(_MODEL_ERROR) : -1].isdigit():
        status = int(code[len(_MODEL_ERROR) : -1])
    return Reply(status, content_type, body, f"{code}: {seen.message}")


def read_payload(file: Path, content_type: str) -> Payload:
    """Raises HarnessError where the file cannot be read."""
    try:
        return Payload(file.read_bytes(), content_type, "application/json")
    except OSError as error:
        raise HarnessError(f"{file} cannot be read ({error.strerror}): name another file with --payload.") from None


def machine_load() -> float:
    """The machine's load average over the last minute."""
    return round(os.getloadavg()[0], 2)


def sample(reply: Reply) -> str:
    """The beginning of an answer, for a sentence."""
    text = reply.says or reply.body[:200].decode("utf-8", "replace")
    return json.dumps(text)
