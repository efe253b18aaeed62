"""`harness measure`: measures an instance by the command's options."""

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
    """The options of `harness measure`."""

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
    stack_file: Path, name: str, options: MeasureOptions, steps: Steps, say: Callable[[str], None]
) -> Profile | None:
    """The profile, called ``name``; None after a dry run. say: prints a line. Raises HarnessError."""
    if options.aws and options.deployed:
        raise HarnessError("An endpoint is measured at the harness (--deployed) or on AWS (--aws), not both at once.")
    stack = load_stack(stack_file)
    request = MeasurementRequest(
        stack=stack,
        variant=_variant(stack, options.variant),
        payload=read_payload(_payload(stack, options.payload), options.content_type),
        effort=Effort(options.requests, not options.no_queue),
        name=name,
        function=stack.function is not None and not options.no_function,
    )
    if options.aws:
        return _on_aws(request, options, steps, say)
    if options.deployed:
        url = harness_url()
        LocalAwsClient(url).health()
        target = target_from(client_environment(url, stack.region))
        return measure_deployed(request, EndpointLocation(target, administrator_session(), url), None, steps)
    return measure_here(request, steps)


def _on_aws(
    request: MeasurementRequest, options: MeasureOptions, steps: Steps, say: Callable[[str], None]
) -> Profile | None:
    target = aws_target("sagemaker-runtime", os.environ)
    if target.region != request.stack.region:
        raise HarnessError(
            f"The stack is in {request.stack.region}, your environment says {target.region}: set AWS_DEFAULT_REGION."
        )
    prices = read_prices(options.prices) if options.prices else Prices()
    spending = estimate(request, target, Caps(options.max_requests, options.max_cost), prices)
    what = f"endpoint {request.stack.endpoint.name} on AWS, {target.region}, as {target.credentials.access_key}:"
    say("\n".join(spending.lines(what)))
    spending.bound.check(spending.caps, lower="--requests")
    if options.confirm != spending.code:
        say(f"This was a dry run: nothing was sent. The same command with --confirm {spending.code} measures.")
        return None
    return measure_deployed(request, EndpointLocation(target, boto3.Session(), None), spending, steps)


def _variant(stack: Stack, name: str | None) -> str:
    names = list(stack.endpoint.production_variants)
    if name is None and len(names) == 1:
        return names[0]
    if name not in names:
        what = "has several variants" if name is None else f"has no variant {name!r}"
        raise HarnessError(f"The endpoint {what}: give --variant with one of {', '.join(names)}.")
    return name


def _payload(stack: Stack, file: Path | None) -> Path:
    if file is not None:
        return file
    if stack.function is not None and stack.function.event is not None:
        return stack.path(stack.function.event)
    raise HarnessError(f"The stack {stack.name} has no [function] event to send to the model: give --payload FILE.")
