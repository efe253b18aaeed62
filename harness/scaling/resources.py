"""The resources behind scalable targets, reached through their own services' operations as AWS reaches them."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import botocore

from harness.core.calls import Call, Principal, Service
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.rules.resource_ids import FunctionAlias, ResourceId, Variant


@dataclass(frozen=True, slots=True)
class ResourceState:
    """As target.Standing. failed: whether the service has given the last change up."""

    current: int
    desired: int
    updatable: bool
    failed: bool = False
    takes_more: bool = False


class ScalableResource(Protocol):
    """One resource whose capacity can be set."""

    async def check(self, minimum: int) -> None:
        """Raises AwsError ValidationException where it does not exist or cannot be scaled (down to ``minimum``)."""
        ...

    async def state(self) -> ResourceState | None:
        """Where it stands, or None while it is not there."""
        ...

    async def set_capacity(self, capacity: int) -> None:
        """Raises the service's own AwsError when it refuses."""
        ...


class Resources:
    """Finds resources. services: those that own them, by botocore's name."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def find(self, resource: ResourceId, account: str, region: str) -> ScalableResource:
        if isinstance(resource, Variant):
            return _VariantResource(resource, _Operations(self._services["sagemaker"], account, region))
        return _AliasResource(resource, _Operations(self._services["lambda"], account, region))


class _Operations:
    """A service's operations, called by the service-linked role of Application Auto Scaling."""

    def __init__(self, service: Service, account: str, region: str) -> None:
        self._service = service
        self.account = account
        self.region = region

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        name = self._service.service_name
        suffix = {"sagemaker": "SageMakerEndpoint", "lambda": "LambdaConcurrency"}[name]
        role = f"AWSServiceRoleForApplicationAutoScaling_{suffix}"
        arn = f"arn:aws:sts::{self.account}:assumed-role/{role}/AutoScaling-ManageScalableTarget"
        principal = Principal(arn, self.account, "assumed-role")
        call = Call(name, operation, principal, self.account, self.region, str(uuid.uuid4()))
        method: Callable[[Call, Mapping[str, Any]], Awaitable[dict[str, Any]]] = getattr(
            self._service, botocore.xform_name(operation)
        )
        return await method(call, request)


@dataclass(frozen=True, slots=True)
class _VariantResource:
    """A production variant: UpdateEndpointWeightsAndCapacities, which an endpoint takes only while InService."""

    resource: Variant
    operations: _Operations

    async def check(self, minimum: int) -> None:
        endpoint = await self.operations.call("DescribeEndpoint", EndpointName=self.resource.endpoint)
        config = await self.operations.call("DescribeEndpointConfig", EndpointConfigName=endpoint["EndpointConfigName"])
        variants = {one["VariantName"]: one for one in config["ProductionVariants"]}
        variant = variants.get(self.resource.variant)
        if variant is None:
            where = f"endpoint/{self.resource.endpoint}/variant/{self.resource.variant}"
            raise AwsError("ValidationException", f"Could not find variant: {where}")  # unverified
        kind = str(variant.get("InstanceType", ""))
        if kind.startswith("ml.t"):
            # As printed in public logs.
            raise AwsError(
                "ValidationException",
                f"You cannot register a variant with {kind} instance type as a scalable target. This is because the "
                "burstable performance of these instances can lead to unpredictable behavior with Auto Scaling.",
            )
        if minimum < 1 and not config.get("AsyncInferenceConfig"):
            # The rule is the Application Auto Scaling guide's; the words are those for services that never go to 0.
            raise errors.bound_below("Minimum", 1)

    async def state(self) -> ResourceState | None:
        try:
            endpoint = await self.operations.call("DescribeEndpoint", EndpointName=self.resource.endpoint)
        except AwsError:
            return None
        for variant in endpoint.get("ProductionVariants") or ():
            if variant["VariantName"] == self.resource.variant:
                return ResourceState(
                    variant["CurrentInstanceCount"],
                    variant["DesiredInstanceCount"],
                    updatable=endpoint["EndpointStatus"] == "InService",
                    failed=endpoint["EndpointStatus"] == "Failed",
                )
        return None

    async def set_capacity(self, capacity: int) -> None:
        change = {"VariantName": self.resource.variant, "DesiredInstanceCount": capacity}
        await self.operations.call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName=self.resource.endpoint,
            DesiredWeightsAndCapacities=[change],
        )


@dataclass(frozen=True, slots=True)
class _AliasResource:
    """The provisioned concurrency of a function's alias; one without any counts as zero."""

    resource: FunctionAlias
    operations: _Operations

    async def check(self, minimum: int) -> None:
        if self.resource.alias == "$LATEST":
            raise errors.invalid(errors.LATEST)
        if self.resource.alias.isdigit():
            await self.operations.call(
                "GetFunction", FunctionName=self.resource.function, Qualifier=self.resource.alias
            )
        else:
            await self.operations.call("GetAlias", FunctionName=self.resource.function, Name=self.resource.alias)

    async def state(self) -> ResourceState | None:
        try:
            config = await self.operations.call(
                "GetProvisionedConcurrencyConfig",
                FunctionName=self.resource.function,
                Qualifier=self.resource.alias,
            )
        except AwsError as error:
            if error.code == "ProvisionedConcurrencyConfigNotFoundException":
                return ResourceState(0, 0, updatable=True, takes_more=True)
            return None
        status = config["Status"]
        # Lambda takes another number while it prepares the last one (Lambda guide).
        return ResourceState(
            config["AllocatedProvisionedConcurrentExecutions"],
            config["RequestedProvisionedConcurrentExecutions"],
            updatable=True,
            failed=status == "FAILED",
            takes_more=True,
        )

    async def set_capacity(self, capacity: int) -> None:
        where = {"FunctionName": self.resource.function, "Qualifier": self.resource.alias}
        if capacity:
            await self.operations.call(
                "PutProvisionedConcurrencyConfig", **where, ProvisionedConcurrentExecutions=capacity
            )
        else:
            await self.operations.call("DeleteProvisionedConcurrencyConfig", **where)
