"""Measures the one instance behind a deployed endpoint, at the harness or on AWS, through the AWS API."""

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
from harness.load.spending import BilledFunction, Bound, Budget, Caps, bound, confirmation_code
from harness.load.target import LoadTarget
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
"""After these seconds a measurement on AWS is given up: its largest cost is stated in advance."""
CALLERS_PER_VCPU = 4
"""The most callers to try for each vCPU: further workers would share the cores."""
_NO_VARIANT = "NoSuchVariant"  # a request to it is refused before it reaches a container
_WORKERS = "SAGEMAKER_MODEL_SERVER_WORKERS"


@dataclass(frozen=True, slots=True)
class EndpointLocation:
    """Where the endpoint is. url: the harness's; None for AWS. session: with the same credentials as ``target``."""

    target: LoadTarget
    session: boto3.Session
    url: str | None

    @property
    def name(self) -> str:
        return f"AWS, {self.target.region}" if self.url is None else f"the harness at {urlsplit(self.url).netloc}"

    def client(self, service: str, region: str) -> Any:
        return self.session.client(service, region_name=region, endpoint_url=self.url)  # type: ignore[call-overload]


@dataclass(frozen=True, slots=True)
class Spending:
    """What a measurement on AWS may send and cost, and the code that confirms it.

    function: None if it is not measured. fixed: dollars of the instance, which is billed with or without load.
    """

    bound: Bound
    caps: Caps
    prices: Prices
    function: BilledFunction | None
    fixed: float
    code: str

    def lines(self, what: str) -> list[str]:
        """The bounds, as a user reads them before confirming. what: the first line."""
        return [
            what,
            f"  at most {self.bound.requests:,} requests (cap {self.caps.requests:,})",
            f"  at most {text.dollars(self.bound.dollars)} (cap {text.dollars(self.caps.dollars)}), prices of "
            f"{self.prices.as_of}, {self.prices.region}:",
            *(f"    {text.dollars(dollars):<7}  {part}" for part, dollars in self.bound.lines),
        ]


def estimate(request: MeasurementRequest, target: LoadTarget, caps: Caps, prices: Prices) -> Spending:
    """The upper bounds, computed from the stack file alone, without a request to AWS."""
    stack, variant = request.stack, request.stack.endpoint.production_variants[request.variant]
    function = _function(stack) if request.function else None
    common: Any = {
        "seconds": LIMIT_SECONDS,
        "function": function,
        "instances": [(variant.instance_type, 1)],
        "prices": prices,
    }
    requests = request.effort.at_most(_ceiling(variant.instance_type))
    highest = bound(invocations=EXECUTIONS if request.function else 0, endpoint_requests=requests, **common)
    fixed = bound(invocations=0, endpoint_requests=0, **common).dollars
    account = (target.region, target.credentials.access_key)
    names = (stack.endpoint.name, request.variant)
    code = confirmation_code("measure", *names, *account, caps, highest.requests, highest.lines)
    return Spending(highest, caps, prices, function, fixed, code)


def measure_deployed(
    request: MeasurementRequest, location: EndpointLocation, spending: Spending | None, steps: Steps
) -> Profile:
    """Measures. spending: None at the harness, where nothing costs anything. Raises HarnessError if it cannot
    measure."""
    stack, variant = request.stack, request.variant
    sagemaker = location.client("sagemaker", stack.region)
    with _as_sentences(location):
        container = _check(sagemaker, location, stack, variant)
        same_model = _is_the_stacks(container, location, stack, variant)
    charge = _charge(spending)
    function: FunctionPart | None = None
    if request.function:
        with steps.step("The function by itself") as say, _as_sentences(location):
            function = measure_function(location.session, location.url, stack, variant, charge.invocation, say)
            if function is None:
                say("left out: ModelLatency did not come, or the endpoint had other requests")
    before = machine_load()
    measured = asyncio.run(_sweep(request, location, charge.request, _workers(container), steps))
    with _as_sentences(location):
        _check(sagemaker, location, stack, variant)
    instance_type = stack.endpoint.production_variants[variant].instance_type
    origin = Origin(
        name=request.name,
        machine=f"{instance_type} on AWS, {location.target.region}"
        if location.url is None
        else f"at {location.name}, {STANDS_IN} {instance_type}",
        what=(
            f"the endpoint {stack.endpoint.name} at {location.name} through InvokeEndpoint, "
            f"{len(request.payload.body):,} bytes of {request.payload.content_type} a request; "
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
    """Counts what is sent. Both functions raise HarnessError at a cap.

    request: to be called before each request to the endpoint. invocation: as function.Spend.
    """

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
    request: MeasurementRequest,
    location: EndpointLocation,
    spend: Callable[[], None],
    workers: int | None,
    steps: Steps,
) -> SweepResult:
    stack = request.stack
    ceiling = _ceiling(stack.endpoint.production_variants[request.variant].instance_type)
    try:
        async with (
            asyncio.timeout(LIMIT_SECONDS),
            endpoint(location.target, stack.endpoint.name, request.payload, spend) as ask_of,
        ):
            away = await way(ask_of(_NO_VARIANT))
            return await measure(Subject(ask_of(request.variant), ceiling, workers, away), request.effort, steps)
    except TimeoutError:
        raise HarnessError(
            f"The measurement was given up after {text.length_of_time(LIMIT_SECONDS)}: lower --requests."
        ) from None


def _ceiling(instance_type: str) -> int:
    return CALLERS_PER_VCPU * vcpus(instance_type)


def _function(stack: Stack) -> BilledFunction | None:
    table = stack.function
    return None if table is None else BilledFunction(table.memory_size, table.timeout)


def _check(sagemaker: Any, location: EndpointLocation, stack: Stack, variant: str) -> dict[str, Any]:
    """The model's container. Raises HarnessError unless there is exactly one instance, and nothing may add another."""
    name, planned = stack.endpoint.name, stack.endpoint.production_variants[variant]
    description = sagemaker.describe_endpoint(EndpointName=name)
    if description["EndpointStatus"] != "InService":
        raise HarnessError(
            f"Endpoint {name} is {description['EndpointStatus']}: it can be measured when it is InService."
        )
    counts = {present["VariantName"]: present["CurrentInstanceCount"] for present in description["ProductionVariants"]}
    if variant not in counts:
        raise HarnessError(f"Endpoint {name} has no variant {variant}; it has: {', '.join(sorted(counts))}.")
    if counts[variant] != 1:
        raise HarnessError(
            f"Variant {variant} of {name} has {counts[variant]} instances, and one is measured: set it to 1 "
            "(aws sagemaker update-endpoint-weights-and-capacities) and take its auto scaling off."
        )
    if _may_grow(location, stack, variant):
        raise HarnessError(
            f"Auto scaling may add instances to variant {variant} of {name} while it is measured: set its MaxCapacity "
            "to 1 (aws application-autoscaling register-scalable-target) for that time."
        )
    config = sagemaker.describe_endpoint_config(EndpointConfigName=description["EndpointConfigName"])
    spec = next(spec for spec in config["ProductionVariants"] if spec["VariantName"] == variant)
    if spec.get("InstanceType") != planned.instance_type:
        raise HarnessError(
            f"Variant {variant} of {name} runs on {spec.get('InstanceType')}, the stack file says "
            f"{planned.instance_type}: bring one to the other."
        )
    return dict(sagemaker.describe_model(ModelName=spec["ModelName"]).get("PrimaryContainer", {}))


def _workers(container: dict[str, Any]) -> int | None:
    value = str(container.get("Environment", {}).get(_WORKERS, ""))
    return int(value) if value.isdigit() and int(value) else None


def _may_grow(location: EndpointLocation, stack: Stack, variant: str) -> bool:
    scaling = location.client("application-autoscaling", stack.region)
    try:
        targets = scaling.describe_scalable_targets(
            ServiceNamespace="sagemaker",
            ResourceIds=[f"endpoint/{stack.endpoint.name}/variant/{variant}"],
            ScalableDimension=VARIANT_DIMENSION,
        )["ScalableTargets"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "AccessDeniedException":
            return False  # the number of instances is checked again after the measurement
        raise
    return any(
        target["MaxCapacity"] > 1 and not target.get("SuspendedState", {}).get("DynamicScalingSuspended")
        for target in targets
    )


def _is_the_stacks(container: dict[str, Any], location: EndpointLocation, stack: Stack, variant: str) -> bool:
    """Whether the deployed model is presumably the stack's: `harness deploy` puts its data there, and the size is the
    same."""
    source = stack.endpoint.production_variants[variant].model
    file = stack.path(stack.models[source].model_data)
    key = f"{stack.name}/{source}/model.tar.gz"
    if container.get("ModelDataUrl") != f"s3://{stack.bucket}/{key}" or not file.is_file():
        return False
    try:
        data = location.client("s3", stack.region).head_object(Bucket=stack.bucket, Key=key)
    except ClientError:
        return False
    return bool(data["ContentLength"] == file.stat().st_size)


@contextmanager
def _as_sentences(location: EndpointLocation) -> Iterator[None]:
    """Turns botocore's errors into a HarnessError."""
    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        raise HarnessError(
            f"{error.operation_name} was refused at {location.name}: {details.get('Code')}: {details.get('Message')}"
        ) from None
    except BotoCoreError as error:
        raise HarnessError(f"{location.name[0].upper()}{location.name[1:]} cannot be asked: {error}") from None
