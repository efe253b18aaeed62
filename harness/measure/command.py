"""`harness measure`: from its options to a profile."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3

from harness.core.environment import client_environment, harness_url
from harness.core.errors import HarnessError
from harness.core.prices import Prices, read_prices
from harness.core.profile import Profile
from harness.core.progress import Steps
from harness.load.spending import Caps
from harness.load.target import aws_target, target_from
from harness.local_aws.client import LocalAwsClient
from harness.local_aws.session import administrator_session
from harness.measure.deployed import EndpointLocation, estimate, measure_deployed
from harness.measure.here import MeasurementRequest, measure_here
from harness.measure.subjects import read_payload
from harness.measure.sweep import Effort
from harness.stack.file import load_stack
from harness.stack.tables import Stack


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """The command's options."""

    variant: str | None
    payload: Path | None
    content_type: str
    requests: int
    no_function: bool
    no_queue: bool
    deployed: bool
    aws: bool
    max_requests: int
    max_cost: float
    prices: Path | None
    confirm: str


def run(
    stack_file: Path, name: str, choices: MeasureOptions, steps: Steps, say: Callable[[str], None]
) -> Profile | None:
    """The profile, called ``name``; None of a dry run. say: prints a line. Raises HarnessError."""
    if choices.aws and choices.deployed:
        raise HarnessError("An endpoint is measured at the harness (--deployed) or on AWS (--aws), not both at once.")
    stack = load_stack(stack_file)
    wanted = MeasurementRequest(
        stack=stack,
        variant=_variant(stack, choices.variant),
        payload=read_payload(_payload(stack, choices.payload), choices.content_type),
        effort=Effort(choices.requests, not choices.no_queue),
        name=name,
        function=stack.function is not None and not choices.no_function,
    )
    if choices.aws:
        return _on_aws(wanted, choices, steps, say)
    if choices.deployed:
        url = harness_url()
        LocalAwsClient(url).health()
        target = target_from(client_environment(url, stack.region))
        return measure_deployed(wanted, EndpointLocation(target, administrator_session(), url), None, steps)
    return measure_here(wanted, steps)


def _on_aws(
    wanted: MeasurementRequest, choices: MeasureOptions, steps: Steps, say: Callable[[str], None]
) -> Profile | None:
    target = aws_target("sagemaker-runtime", os.environ)
    if target.region != wanted.stack.region:
        raise HarnessError(
            f"The stack is in {wanted.stack.region}, your environment says {target.region}: set AWS_DEFAULT_REGION."
        )
    prices = read_prices(choices.prices) if choices.prices else Prices()
    spending = estimate(wanted, target, Caps(choices.max_requests, choices.max_cost), prices)
    what = f"endpoint {wanted.stack.endpoint.name} on AWS, {target.region}, as {target.credentials.access_key}:"
    say("\n".join(spending.lines(what)))
    spending.bound.check(spending.caps, lower="--requests")
    if choices.confirm != spending.code:
        say(f"This was a dry run: nothing was sent. The same command with --confirm {spending.code} measures.")
        return None
    return measure_deployed(wanted, EndpointLocation(target, boto3.Session(), None), spending, steps)


def _variant(stack: Stack, given: str | None) -> str:
    names = list(stack.endpoint.production_variants)
    if given is None and len(names) == 1:
        return names[0]
    if given not in names:
        what = "has several variants" if given is None else f"has no variant {given!r}"
        raise HarnessError(f"The endpoint {what}: give --variant with one of {', '.join(names)}.")
    return given


def _payload(stack: Stack, given: Path | None) -> Path:
    if given is not None:
        return given
    if stack.function is not None and stack.function.event is not None:
        return stack.path(stack.function.event)
    raise HarnessError(f"The stack {stack.name} has no [function] event to send to the model: give --payload FILE.")
