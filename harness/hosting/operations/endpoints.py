"""Operations on endpoints. Each is checked here and carried out by EndpointProvisioning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.core.calls import Call
from harness.hosting import errors
from harness.hosting.deployment import Deployment, Retained
from harness.hosting.descriptions import describe, summarize
from harness.hosting.endpoint import Endpoint
from harness.hosting.provisioning import Update, VariantChange
from harness.hosting.resources import EndpointConfig, Model, arn
from harness.hosting.rules.endpoint_config import termination_wait
from harness.hosting.rules.lifecycle import Event
from harness.hosting.rules.paging import in_window
from harness.hosting.state import Operations


class EndpointOperations(Operations):
    """CreateEndpoint, DescribeEndpoint, ListEndpoints, UpdateEndpoint, UpdateEndpointWeightsAndCapacities,
    DeleteEndpoint."""

    async def create_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        name, now = request["EndpointName"], self.state.clock.now()
        config = self.state.configs.get(call, request["EndpointConfigName"])
        models = self._models(call, config)
        deployment_config = request.get("DeploymentConfig")
        termination_wait(deployment_config)
        endpoint = Endpoint(
            name,
            arn("endpoint", name, call),
            call.region,
            now,
            now,
            config,
            config.capture,
            deployment_config=deployment_config,
        )
        self.state.endpoints.add(call, endpoint)
        self.state.tags.add(endpoint.arn, request.get("Tags", ()))
        self.state.provisioning.create(endpoint, models, self.state.settings_of(name))
        return {"EndpointArn": endpoint.arn}

    async def describe_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        return describe(self.state.endpoints.get(call, request["EndpointName"]))

    async def list_endpoints(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        status = request.get("StatusEquals")

        def accept(endpoint: Endpoint) -> bool:
            return status in (None, endpoint.status) and in_window(endpoint.modified, request, "LastModifiedTime")

        def sort_key(endpoint: Endpoint) -> str:
            return endpoint.status if request.get("SortBy") == "Status" else ""

        endpoints, token = self.state.endpoints.page(call, request, accept, sort_key)
        return {"Endpoints": [summarize(endpoint) for endpoint in endpoints], "NextToken": token}

    async def update_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        config = self.state.configs.get(call, request["EndpointConfigName"])
        models = self._models(call, config)
        deployment_config = request.get("DeploymentConfig")
        if deployment_config is None and request.get("RetainDeploymentConfig"):
            deployment_config = endpoint.deployment_config
        wait = termination_wait(deployment_config)
        if (config.asynchronous is None) != (endpoint.config.asynchronous is None):
            change = "removed from" if config.asynchronous is None else "added to"
            raise errors.invalid(errors.ASYNC_CHANGED.format(change, endpoint.name))
        endpoint.meet(Event.UPDATE, self.state.clock.now())
        endpoint.deployment_config = deployment_config
        retain = bool(request.get("RetainAllVariantProperties"))
        excluded = {entry["VariantPropertyType"] for entry in request.get("ExcludeRetainedVariantProperties", ())}
        assert endpoint.deployment is not None, "an endpoint in service has a deployment"
        retained = _retained(endpoint.deployment, excluded) if retain else {}
        capture = endpoint.capture if retain and "DataCaptureConfig" not in excluded else config.capture
        settings = self.state.settings_of(endpoint.name)
        self.state.provisioning.replace(endpoint, Update(config, models, settings, retained, capture, wait))
        return {"EndpointArn": endpoint.arn}

    async def update_endpoint_weights_and_capacities(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        entries = request["DesiredWeightsAndCapacities"]
        counts = Counter(entry["VariantName"] for entry in entries)
        for name, count in counts.items():
            if count > 1:
                raise errors.invalid(errors.VARIANT_TWICE.format(name))
        changes = {
            entry["VariantName"]: VariantChange(entry.get("DesiredWeight"), entry.get("DesiredInstanceCount"))
            for entry in entries
        }
        known = {variant["VariantName"] for variant in endpoint.config.variants}
        if unknown := [f'"{name}"' for name in changes if name not in known]:
            raise errors.invalid(errors.VARIANTS_UNKNOWN.format(", ".join(unknown), endpoint.config.name))
        if endpoint.config.asynchronous is None and any(change.count == 0 for change in changes.values()):
            # Zero is for inference components and asynchronous endpoints only (Application Auto Scaling guide).
            raise errors.invalid(errors.COUNT_ZERO)
        endpoint.meet(Event.UPDATE, self.state.clock.now())
        self.state.provisioning.rescale(endpoint, changes)
        return {"EndpointArn": endpoint.arn}

    async def delete_endpoint(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = self.state.endpoints.get(call, request["EndpointName"])
        endpoint.meet(Event.DELETE, self.state.clock.now())
        self.state.provisioning.delete(endpoint)
        return {}

    def _models(self, call: Call, config: EndpointConfig) -> dict[str, Model]:
        """The models by variant. Raises AwsError ValidationException for a model that has been deleted since."""
        return {
            variant["VariantName"]: self.state.models.get(call, variant["ModelName"])
            for variant in (*config.variants, *config.shadows)
        }


def _retained(deployment: Deployment, excluded: set[str]) -> dict[str, Retained]:
    """What RetainAllVariantProperties keeps, less ExcludeRetainedVariantProperties (botocore, UpdateEndpointInput)."""
    return {
        variant.name: Retained(
            count=None if "DesiredInstanceCount" in excluded else variant.fleet.desired,
            weight=None if "DesiredWeight" in excluded else variant.desired_weight,
        )
        for variant in deployment.all_variants
    }
