"""The resources behind scalable targets. Like AWS, it reaches them through the operations of their own services."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import botocore

from harness.core.calls import Call, Principal, Service
from harness.core.errors import AwsError
from harness.scaling import errors
from harness.scaling.rules.resource_ids import AliasId, ResourceId, VariantId


@dataclass(frozen=True, slots=True)
class ResourceState:
    """A CapacityStatus that was read from a service. failed: whether the service has given up the last change."""

    current: int
    desired: int
    updatable: bool
    failed: bool = False
    takes_more: bool = False


class ScalableResource(Protocol):
    """A resource whose capacity can be set."""

    async def check(self, minimum: int) -> None:
        """Raises AwsError ValidationException if it does not exist or cannot be scaled down to ``minimum``."""
        ...

    async def state(self) -> ResourceState | None:
        """Returns its present state, or None while it does not exist."""
        ...

    async def set_capacity(self, capacity: int) -> None:
        """Asks its service for the capacity. Raises the service's own AwsError if it refuses."""
        ...


class ResourceFinder:
    """Finds resources. services: the services that own them, by botocore's name."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def find(self, resource: ResourceId, account: str, region: str) -> ScalableResource:
        if isinstance(resource, VariantId):
            return _VariantResource(resource, _OwningService(self._services["sagemaker"], account, region))
        return _AliasResource(resource, _OwningService(self._services["lambda"], account, region))


class _OwningService:
    """The service that owns a resource. Its operations are called with the service-linked role of auto scaling."""

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
    """A production variant: scaled by UpdateEndpointWeightsAndCapacities, only while its endpoint is InService."""

    resource: VariantId
    service: _OwningService

    async def check(self, minimum: int) -> None:
        endpoint = await self.service.call("DescribeEndpoint", EndpointName=self.resource.endpoint)
        config = await self.service.call("DescribeEndpointConfig", EndpointConfigName=endpoint["EndpointConfigName"])
        variants = {variant["VariantName"]: variant for variant in config["ProductionVariants"]}
        variant = variants.get(self.resource.variant)
        if variant is None:
            where = f"endpoint/{self.resource.endpoint}/variant/{self.resource.variant}"
            raise AwsError("ValidationException", f"Could not find variant: {where}")  # unverified
        instance_type = str(variant.get("InstanceType", ""))
        if instance_type.startswith("ml.t"):
            # The words are those of public logs.
            raise AwsError(
                "ValidationException",
                f"You cannot register a variant with {instance_type} instance type as a scalable target. This is "
                "because the burstable performance of these instances can lead to unpredictable behavior with Auto "
                "Scaling.",
            )
        if minimum < 1 and not config.get("AsyncInferenceConfig"):
            # The rule is from the Application Auto Scaling guide; the words are for services that never scale to 0.
            raise errors.bound_below("Minimum", 1)

    async def state(self) -> ResourceState | None:
        try:
            endpoint = await self.service.call("DescribeEndpoint", EndpointName=self.resource.endpoint)
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
        await self.service.call(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName=self.resource.endpoint,
            DesiredWeightsAndCapacities=[change],
        )


@dataclass(frozen=True, slots=True)
class _AliasResource:
    """The provisioned concurrency of a function's alias. Its capacity is 0 if it has none."""

    resource: AliasId
    service: _OwningService

    async def check(self, minimum: int) -> None:
        if self.resource.alias == "$LATEST":
            raise errors.invalid(errors.LATEST)
        if self.resource.alias.isdigit():
            await self.service.call("GetFunction", FunctionName=self.resource.function, Qualifier=self.resource.alias)
        else:
            await self.service.call("GetAlias", FunctionName=self.resource.function, Name=self.resource.alias)

    async def state(self) -> ResourceState | None:
        try:
            config = await self.service.call(
                "GetProvisionedConcurrencyConfig",
                FunctionName=self.resource.function,
                Qualifier=self.resource.alias,
            )
        except AwsError as error:
            if error.code == "ProvisionedConcurrencyConfigNotFoundException":
                return ResourceState(0, 0, updatable=True, takes_more=True)
            return None
        status = config["Status"]
        # Lambda accepts another number while it still prepares the last one (Lambda guide).
        return ResourceState(
            config["AllocatedProvisionedConcurrentExecutions"],
            config["RequestedProvisionedConcurrentExecutions"],
            updatable=True,
            failed=status == "FAILED",
            takes_more=True,
        )

    async def set_capacity(self, capacity: int) -> None:
        alias = {"FunctionName": self.resource.function, "Qualifier": self.resource.alias}
        if capacity:
            await self.service.call(
                "PutProvisionedConcurrencyConfig", **alias, ProvisionedConcurrentExecutions=capacity
            )
        else:
            await self.service.call("DeleteProvisionedConcurrencyConfig", **alias)
