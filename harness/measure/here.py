"""Measures an instance that it starts on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.core.machine import machine, versions
from harness.core.profile import FunctionPart, Profile, SampleAnswer
from harness.core.progress import Steps
from harness.measure.document import STANDS_IN, Origin, profile_of
from harness.measure.function import measure_here as measure_function
from harness.measure.subjects import Payload, local_instance, machine_load
from harness.measure.sweep import Effort, SweepResult, measure
from harness.stack.model_build import build_models
from harness.stack.model_digest import model_sha256
from harness.stack.tables import Stack

_VERSIONS = frozenset(
    {"python", "harness", "awslambdaric", "torch", "torchvision", "torchserve", "sagemaker-pytorch-inference"}
)


@dataclass(frozen=True, slots=True)
class MeasurementRequest:
    """What to measure. name: of the profile. function: whether to measure the stack's function too."""

    stack: Stack
    variant: str
    payload: Payload
    effort: Effort
    name: str
    function: bool


def measure_here(request: MeasurementRequest, steps: Steps) -> Profile:
    """Measures, and leaves nothing running. Raises HarnessError that says why nothing was measured."""
    stack = request.stack
    with steps.step("Building the model data") as say:
        build_models(stack, say)
    before = machine_load()
    with tempfile.TemporaryDirectory(prefix="harness-measure-", ignore_cleanup_errors=True) as folder:
        measured, load_seconds, memory = asyncio.run(_instance(request, Path(folder), steps))
    after = machine_load()
    function: FunctionPart | None = None
    if request.function:
        reply = measured.answer.reply
        answer = SampleAnswer.of(reply.content_type, reply.body)
        with (
            tempfile.TemporaryDirectory(prefix="harness-measure-", ignore_cleanup_errors=True) as folder,
            steps.step("The function by itself") as say,
        ):
            function = measure_function(stack, answer, Path(folder), say)
    chosen = stack.endpoint.production_variants[request.variant]
    here = machine()
    origin = Origin(
        name=request.name,
        machine=(f"local, {here['cpu']}, {here['cores']} cores, {here['os']}; {STANDS_IN} {chosen.instance_type}"),
        what=(
            f"an instance of the kind {stack.local.instances} on this machine, {len(request.payload.body):,} bytes of "
            f"{request.payload.content_type} a request"
        ),
        versions={name: number for name, number in versions().items() if name in _VERSIONS},
        model_sha256=model_sha256(stack, request.variant),
        load_seconds=load_seconds,
        memory=memory,
        load_average=(before, after),
    )
    return profile_of(measured, origin, function)


async def _instance(
    request: MeasurementRequest, folder: Path, steps: Steps
) -> tuple[SweepResult, float | None, int | None]:
    """The sweep's result, the seconds of loading, and the bytes held at the end."""
    async with contextlib.AsyncExitStack() as running:
        with steps.step("Starting an instance"):
            starting = local_instance(request.stack, request.variant, request.payload, folder)
            subject = await running.enter_async_context(starting)
        measured = await measure(subject, request.effort, steps)
        return measured, subject.load_seconds, subject.memory()
