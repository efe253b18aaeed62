"""Measures the one instance behind an endpoint that is deployed, at the harness or on AWS, through its API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from harness.core import figures as text
from harness.core.errors import HarnessError
from harness.core.prices import Prices
from harness.core.profile import FunctionPart, Profile
from harness.core.progress import Steps
from harness.hosting.rules.instance_types import vcpus
from harness.load.spending import Bound, Budget, Caps, Function, bound, confirmation
from harness.load.target import Target
from harness.measure.document import STANDS_IN, Origin, profile_of
from harness.measure.function import EXECUTIONS
from harness.measure.function import measure_deployed as measure_function
from harness.measure.here import MeasurementRequest
from harness.measure.subjects import Subject, endpoint, machine_load, way
from harness.measure.sweep import SweepResult, measure
from harness.scaling.rules.resource_ids import VARIANT_DIMENSION
from harness.stack.model_digest import model_sha256
from harness.stack.tables import Stack

LIMIT_SECONDS = 3600.0
"""A measurement on AWS is given up after so long: what it may cost at most is told before."""
CALLERS_PER_VCPU = 4
"""Workers beyond are not looked for: they would share the cores."""
_NO_VARIANT = "NoSuchVariant"
_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"


@dataclass(frozen=True, slots=True)
class EndpointLocation:
    """Where the endpoint is. url: the harness's, None for AWS; session: of the same credentials as the target's."""

    target: Target
    session: boto3.Session
    url: str | None

    @property
    def name(self) -> str:
        return f"AWS, {self.target.region}" if self.url is None else f"the harness at {urlsplit(self.url).netloc}"

    def client(self, service: str, region: str) -> Any:
        return self.session.client(service, region_name=region, endpoint_url=self.url)  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Spending:
    """What a measurement on AWS may send and cost, and the code that stands for it.

    function: None where it is not measured; fixed: dollars of the instance, which is billed with or without load.
    """

    bound: Bound
    caps: Caps
    prices: Prices
    function: Function | None
    fixed: float
    code: str

    def lines(self, what: str) -> list[str]:
        """For the person who is asked."""
        found = self.bound
        return [
            what,
            f"  at most {found.requests:,} requests (cap {self.caps.requests:,})",
            f"  at most {text.dollars(found.dollars)} (cap {text.dollars(self.caps.dollars)}), prices of "
            f"{self.prices.as_of}, {self.prices.region}:",
            *(f"    {text.dollars(dollars):<7}  {each}" for each, dollars in found.lines),
        ]


def estimate(wanted: MeasurementRequest, target: Target, caps: Caps, prices: Prices) -> Spending:
    """An upper bound, from the stack file alone: nothing is asked of AWS."""
    stack, variant = wanted.stack, wanted.stack.endpoint.production_variants[wanted.variant]
    function = _function(stack) if wanted.function else None
    rest: Any = {
        "seconds": LIMIT_SECONDS,
        "function": function,
        "instances": [(variant.instance_type, 1)],
        "prices": prices,
    }
    requests = wanted.effort.at_most(_ceiling(variant.instance_type))
    found = bound(invocations=EXECUTIONS if wanted.function else 0, endpoint_requests=requests, **rest)
    fixed = bound(invocations=0, endpoint_requests=0, **rest).dollars
    where = (target.region, target.credentials.access_key)
    code = confirmation("measure", stack.endpoint.name, wanted.variant, *where, caps, found.requests, found.lines)
    return Spending(found, caps, prices, function, fixed, code)


def measure_deployed(
    wanted: MeasurementRequest, place: EndpointLocation, spending: Spending | None, steps: Steps
) -> Profile:
    """spending: None where nothing costs anything. Raises HarnessError that says why nothing was measured."""
    stack, variant = wanted.stack, wanted.variant
    sagemaker = place.client("sagemaker", stack.region)
    with _as_sentences(place):
        container = _check(sagemaker, place, stack, variant)
        same_model = _is_the_stacks(container, place, stack, variant)
    charge = _charge(spending)
    function: FunctionPart | None = None
    if wanted.function:
        with steps.step("The function by itself") as say, _as_sentences(place):
            function = measure_function(place.session, place.url, stack, variant, charge.invocation, say)
            if function is None:
                say("left out: ModelLatency did not come, or the endpoint had other requests")
    before = machine_load()
    measured = asyncio.run(_sweep(wanted, place, charge.request, _workers(container), steps))
    with _as_sentences(place):
        _check(sagemaker, place, stack, variant)
    instance_type = stack.endpoint.production_variants[variant].instance_type
    origin = Origin(
        name=wanted.name,
        machine=f"{instance_type} on AWS, {place.target.region}"
        if place.url is None
        else f"at {place.name}, {STANDS_IN} {instance_type}, is none",
        what=(
            f"the endpoint {stack.endpoint.name} at {place.name} through InvokeEndpoint, "
            f"{len(wanted.payload.body):,} bytes of {wanted.payload.content_type} a request; "
            f"{text.seconds(measured.away)} of each, the way there and back, are taken off"
            + (". Its model is taken to be the stack's, by place and size of its data" if same_model else "")
        ),
        versions={},
        model_sha256=model_sha256(stack, variant) if same_model else None,
        load_seconds=None,
        memory=None,
        load_average=(before, machine_load()),
    )
    return profile_of(measured, origin, function)


@dataclass(frozen=True, slots=True)
class _Charge:
    """request: before a request of the endpoint; invocation: function.Spend. Both raise HarnessError at a cap."""

    request: Callable[[], None]
    invocation: Callable[[float | None], None]


def _charge(spending: Spending | None) -> _Charge:
    if spending is None:
        return _Charge(lambda: None, lambda seconds: None)
    budget = Budget(spending.caps, spending.prices, spending.function, spending.fixed)

    def take(invocation: bool) -> None:
        refused = budget.take(invocation)
        if refused is not None:
            raise HarnessError(f"The measurement is ended: {refused}. Nothing was written.")

    def invocation(seconds: float | None) -> None:
        if seconds is None:
            take(True)
        else:
            budget.settle(seconds)

    return _Charge(lambda: take(False), invocation)


async def _sweep(
    wanted: MeasurementRequest, place: EndpointLocation, spend: Callable[[], None], workers: int | None, steps: Steps
) -> SweepResult:
    stack = wanted.stack
    ceiling = _ceiling(stack.endpoint.production_variants[wanted.variant].instance_type)
    try:
        async with (
            asyncio.timeout(LIMIT_SECONDS),
            endpoint(place.target, stack.endpoint.name, wanted.payload, spend) as asking,
        ):
            away = await way(asking(_NO_VARIANT))
            return await measure(Subject(asking(wanted.variant), ceiling, workers, away), wanted.effort, steps)
    except TimeoutError:
        raise HarnessError(
            f"The measurement was given up after {text.length_of_time(LIMIT_SECONDS)}: lower --requests."
        ) from None


def _ceiling(instance_type: str) -> int:
    return CALLERS_PER_VCPU * vcpus(instance_type)


def _function(stack: Stack) -> Function | None:
    table = stack.function
    return None if table is None else Function(table.memory_size, table.timeout)


def _check(sagemaker: Any, place: EndpointLocation, stack: Stack, variant: str) -> dict[str, Any]:
    """The model's container; raises HarnessError unless it is one instance, and nothing adds another."""
    name, planned = stack.endpoint.name, stack.endpoint.production_variants[variant]
    found = sagemaker.describe_endpoint(EndpointName=name)
    if found["EndpointStatus"] != "InService":
        raise HarnessError(f"Endpoint {name} is {found['EndpointStatus']}: it can be measured when it is InService.")
    counts = {one["VariantName"]: one["CurrentInstanceCount"] for one in found["ProductionVariants"]}
    if variant not in counts:
        raise HarnessError(f"Endpoint {name} has no variant {variant}; it has: {', '.join(sorted(counts))}.")
    if counts[variant] != 1:
        raise HarnessError(
            f"Variant {variant} of {name} has {counts[variant]} instances, and one is measured: set it to 1 "
            "(aws sagemaker update-endpoint-weights-and-capacities) and take its auto scaling off."
        )
    if _may_grow(place, stack, variant):
        raise HarnessError(
            f"Auto scaling may add instances to variant {variant} of {name} while it is measured: set its MaxCapacity "
            "to 1 (aws application-autoscaling register-scalable-target) for that time."
        )
    config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    spec = next(one for one in config["ProductionVariants"] if one["VariantName"] == variant)
    if spec.get("InstanceType") != planned.instance_type:
        raise HarnessError(
            f"Variant {variant} of {name} runs on {spec.get('InstanceType')}, the stack file says "
            f"{planned.instance_type}: bring one to the other."
        )
    return dict(sagemaker.describe_model(ModelName=spec["ModelName"]).get("PrimaryContainer", {}))


def _workers(container: dict[str, Any]) -> int | None:
    given = str(container.get("Environment", {}).get(_WORKERS, ""))
    return int(given) if given.isdigit() and int(given) else None


def _may_grow(place: EndpointLocation, stack: Stack, variant: str) -> bool:
    scaling = place.client("application-autoscaling", stack.region)
    try:
        targets = scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker",
            ResourceIds=[f"endpoint/{stack.endpoint.name}/variant/{variant}"],
            ScalableDimension=VARIANT_DIMENSION,
        )["ScalableTargets"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False  # the number of instances is looked at again afterwards
        raise
    return any(
        target["MaxCapacity"] > 1 and not target.get("SuspendedState", {}).get("DynamicScalingSuspended")
        for target in targets
    )


def _is_the_stacks(container: dict[str, Any], place: EndpointLocation, stack: Stack, variant: str) -> bool:
    """Whether the deployed model is taken to be the stack's: its data lies where `harness deploy` puts it, and has the
    size of the stack's."""
    source = stack.endpoint.production_variants[variant].model
    file = stack.path(stack.models[source].model_data)
    key = f"{stack.name}/{source}/model.tar.gz"
    if container.get("ModelDataUrl") != f"s3://{stack.bucket}/{key}" or not file.is_file():
        return False
    try:
        found = place.client("s3", stack.region).head_object(Bucket=stack.bucket, Key=key)
    except ClientError:
        return False
    return bool(found["ContentLength"] == file.stat().st_size)


@contextmanager
def _as_sentences(place: EndpointLocation) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        raise HarnessError(
            f"{error.operation_name} was refused at {place.name}: {details.get('Code')}: {details.get('Message')}"
        ) from None
    except BotoCoreError as error:
        raise HarnessError(f"{place.name[0].upper()}{place.name[1:]} cannot be asked: {error}") from None
