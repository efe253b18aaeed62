"""Operations on endpoints: each is checked here, and carried out beside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from harness.core.calls import Call
from harness.core.errors import AwsError
from harness.hosting.deployment import Deployment, Retained
from harness.hosting.descriptions import describe, summarize
from harness.hosting.endpoint import Endpoint
from harness.hosting.provisioning import Change, Update
from harness.hosting.resources import EndpointConfig, Model, arn, in_window
from harness.hosting.rules.lifecycle import Event
from harness.hosting.state import Operations

# Deployments that would go otherwise than they do here, and so are refused.
_ABSENT = ("RollingUpdatePolicy", "AutoRollbackConfiguration")


class EndpointOperations(Operations):
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities,
    DeleteEndpoint."""

    async def create_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name, now = request["EndpointName"], self.state.clock.now()
        config = self.state.configs.get(call, request["EndpointConfigName"])
        models = self._models(call, config)
        deployed = request.get("DeploymentConfig")
        _termination_wait(deployed)
        endpoint = Endpoint(
            name, arn("endpoint", name, call), call.region, now, now, config, config.capture, deployed=deployed
        )
        self.state.endpoints.add(call, endpoint)
        self.state.tags.add(endpoint.arn, request.get("Tags", ()))
        self.state.provisioning.create(endpoint, models, self.state.settings_of(name))
        return {"EndpointArn": endpoint.arn}

    async def describe_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return describe(self.state.endpoints.get(call, request["EndpointName"]))

    async def list_endpoints(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        wanted = request.get("StatusEquals")

        def accept(one: Endpoint) -> bool:
            return wanted in (None, one.status) and in_window(one.modified, request, "LastModifiedTime")

        def by(one: Endpoint) -> str:
            return one.status if request.get("SortBy") == "Status" else ""

        endpoints, token = self.state.endpoints.page(call, request, accept, by)
        return {"Endpoints": [summarize(one) for one in endpoints], "NextToken": token}

    async def update_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        config = self.state.configs.get(call, request["EndpointConfigName"])
        models = self._models(call, config)
        deployed = request.get("DeploymentConfig")
        if deployed is None and request.get("RetainDeploymentConfig"):
            deployed = endpoint.deployed
        wait = _termination_wait(deployed)
        if (config.asynchronous is None) != (endpoint.config.asynchronous is None):
            # The first sentence for "removed" is printed in public logs; the other word and the second one are ours.
            done = "removed from" if config.asynchronous is None else "added to"
            message = (
                f"The AsyncInferenceConfig parameter cannot be {done} this endpoint {endpoint.name}. To change the "
                "endpoint between real-time and asynchronous inference, delete it and create it again."
            )
            raise AwsError("ValidationException", message)
        endpoint.meet(Event.UPDATE, self.state.clock.now())
        endpoint.deployed = deployed
        retain = bool(request.get("RetainAllVariantProperties"))
        excluded = {one["VariantPropertyType"] for one in request.get("ExcludeRetainedVariantProperties", ())}
        assert endpoint.deployment is not None, "an endpoint in service has a deployment"
        retained = _retained(endpoint.deployment, excluded) if retain else {}
        capture = endpoint.capture if retain and "DataCaptureConfig" not in excluded else config.capture
        settings = self.state.settings_of(endpoint.name)
        update = Update(config, models, settings, retained, capture, wait)
        self.state.provisioning.replace(endpoint, update)
        return {"EndpointArn": endpoint.arn}

    async def update_endpoint_weights_and_capacities(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        twice = [name for name, count in Counter(_names(request)).items() if count > 1]
        if twice:
            raise AwsError("ValidationException", f'The variant name "{twice[0]}" was non-unique within the request.')
        changes = {
            one["VariantName"]: Change(one.get("DesiredWeight"), one.get("DesiredInstanceCount"))
            for one in request["DesiredWeightsAndCapacities"]
        }
        known = {variant["VariantName"] for variant in endpoint.config.variants}
        unknown = [name for name in changes if name not in known]
        if unknown:
            names = ", ".join(f'"{name}"' for name in unknown)
            raise AwsError(
                "ValidationException",
                f"The variant name(s) {names} is/are not present within endpoint configuration "
                f'"{endpoint.config.name}".',
            )
        if endpoint.config.asynchronous is None and any(change.count == 0 for change in changes.values()):
            # The rule is the AAS guide's: zero only for inference components and asynchronous endpoints.
            message = "The desired instance count of a variant for real-time inference must be at least 1."
            raise AwsError("ValidationException", message)
        endpoint.meet(Event.UPDATE, self.state.clock.now())
        self.state.provisioning.rescale(endpoint, changes)
        return {"EndpointArn": endpoint.arn}

    async def delete_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        endpoint.meet(Event.DELETE, self.state.clock.now())
        self.state.provisioning.delete(endpoint)
        return {}

    def _models(self, call: Call, config: EndpointConfig) -> dict[str, Model]:
        """By variant. Raises AwsError ValidationException for one that has been deleted since."""
        variants: Iterable[Mapping[str, Any]] = (*config.variants, *config.shadows)
        return {one["VariantName"]: self.state.models.get(call, one["ModelName"]) for one in variants}


def _names(request: Mapping[str, Any]) -> list[str]:
    return [one["VariantName"] for one in request["DesiredWeightsAndCapacities"]]


def _retained(deployment: Deployment, excluded: set[str]) -> dict[str, Retained]:
    """What RetainAllVariantProperties keeps, less ExcludeRetainedVariantProperties (botocore, UpdateEndpointInput)."""
    return {
        variant.name: Retained(
            count=None if "DesiredInstanceCount" in excluded else variant.fleet.desired,
            weight=None if "DesiredWeight" in excluded else variant.desired_weight,
        )
        for variant in deployment.all_variants
    }


def _termination_wait(config: Mapping[str, Any] | None) -> float:
    """TerminationWaitInSeconds. Raises AwsError ValidationException for a DeploymentConfig that is not here."""
    config = config or {}
    policy = config.get("BlueGreenUpdatePolicy", {})
    kind = policy.get("TrafficRoutingConfiguration", {}).get("Type", "ALL_AT_ONCE")
    absent = [member for member in _ABSENT if member in config] + ([kind] if kind != "ALL_AT_ONCE" else [])
    if absent:
        message = f"{' and '.join(absent)} of a DeploymentConfig are not part of this harness; it deploys ALL_AT_ONCE."
        raise AwsError("ValidationException", message)
    return float(policy.get("TerminationWaitInSeconds", 0))
