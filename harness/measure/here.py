"""Measures one instance that is started on this machine for it."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

from harness.core.profile import FunctionPart, Profile, SampleAnswer
from harness.core.progress import Steps
from harness.load.machine import machine, versions
from harness.measure.document import STANDS_IN, Origin, profile_of
from harness.measure.function import measure_here as measure_function
from harness.measure.subjects import Payload, local_instance, machine_load
from harness.measure.sweep import Effort, SweepResult, measure
from harness.stack.model_build import build_models
from harness.stack.model_digest import model_sha256
from harness.stack.tables import Stack

_TAKES_PART = frozenset(
    {"python", "harness", "awslambdaric", "torch", "torchvision", "torchserve", "sagemaker-pytorch-inference"}
)


@dataclass(frozen=True, slots=True)
class MeasurementRequest:
    """What to measure. name: of the profile; function: whether the stack's function too."""

    stack: Stack
    variant: str
    payload: Payload
    effort: Effort
    name: str
    function: bool


def measure_here(wanted: MeasurementRequest, steps: Steps) -> Profile:
    """Raises HarnessError that says why nothing was measured; nothing is left running."""
    stack = wanted.stack
    with steps.step("Building the model data") as say:
        build_models(stack, say)
    before = machine_load()
    with tempfile.TemporaryDirectory(prefix="harness-measure-", ignore_cleanup_errors=True) as folder:
        measured, load_seconds, memory = asyncio.run(_instance(wanted, Path(folder), steps))
    after = machine_load()
    function: FunctionPart | None = None
    if wanted.function:
        reply = measured.answer.reply
        answer = SampleAnswer.of(reply.content_type, reply.body)
        with (
            tempfile.TemporaryDirectory(prefix="harness-measure-", ignore_cleanup_errors=True) as folder,
            steps.step("The function by itself") as say,
        ):
            function = measure_function(stack, answer, Path(folder), say)
    chosen = stack.endpoint.production_variants[wanted.variant]
    found = machine()
    origin = Origin(
        name=wanted.name,
        machine=(
            f"local, {found['cpu']}, {found['cores']} cores, {found['os']}; {STANDS_IN} {chosen.instance_type}, is none"
        ),
        what=(
            f"an instance of the kind {stack.local.instances} on this machine, {len(wanted.payload.body):,} bytes of "
            f"{wanted.payload.content_type} a request"
        ),
        versions={name: each for name, each in versions().items() if name in _TAKES_PART},
        model_sha256=model_sha256(stack, wanted.variant),
        load_seconds=load_seconds,
        memory=memory,
        load_average=(before, after),
    )
    return profile_of(measured, origin, function)


async def _instance(
    wanted: MeasurementRequest, folder: Path, steps: Steps
) -> tuple[SweepResult, float | None, int | None]:
    """What came of it, seconds of loading, and bytes held at the end."""
    async with contextlib.AsyncExitStack() as running:
        with steps.step("Starting an instance"):
            starting = local_instance(wanted.stack, wanted.variant, wanted.payload, folder)
            subject = await running.enter_async_context(starting)
        measured = await measure(subject, wanted.effort, steps)
        return measured, subject.load_seconds, subject.memory()
