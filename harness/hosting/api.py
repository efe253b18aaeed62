"""The service ``sagemaker``: its operations by name, and what the rest of the local AWS asks of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from harness.access.rules.actions import AccountRegion
from harness.access.rules.service_calls import ServiceCall, endpoint_calls
from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core import tasks
from harness.core.calls import Call, Service
from harness.core.clock import Clock
from harness.hosting.deployment import Deployment, DeploymentBuilder
from harness.hosting.endpoint import Endpoint
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.logs import EndpointLogs
from harness.hosting.model_data import source_of
from harness.hosting.operations.configs import EndpointConfigOperations
from harness.hosting.operations.endpoints import EndpointOperations
from harness.hosting.operations.models import ModelOperations
from harness.hosting.operations.recommendations import RecommendationOperations
from harness.hosting.operations.tags import TagOperations
from harness.hosting.provisioning import EndpointProvisioning
from harness.hosting.resources import JOB, arn
from harness.hosting.runtime.capture import DataCapture
from harness.hosting.runtime.invocation import VariantInvoker
from harness.hosting.state import NamedResources, State

if TYPE_CHECKING:
    from harness.hosting.rules.planned import PlannedEndpoint

# SageMaker's operations for hosting. The backend has all others (training, tuning, ...).
_HOSTING = re.compile(
    r"^((Create|Describe|Delete|Update|List)(Endpoint|EndpointConfig|Model|InferenceComponent)s?"
    r"(Input|WeightsAndCapacities)?|(Add|List|Delete)Tags|"
    r"(Create|Describe|List|Stop)InferenceRecommendationsJobs?|GetScalingConfigurationRecommendation)$"
)


class Hosting(
    ModelOperations, EndpointConfigOperations, EndpointOperations, TagOperations, RecommendationOperations, Service
):
    """The service ``sagemaker``.

    gateway_url: what a container sees as AWS_ENDPOINT_URL. workspace: a folder of the service's own, which close()
    removes. settings: the local settings of an endpoint for which configure() was not called.
    """

    service_name: ClassVar[str] = "sagemaker"

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        metrics: Metrics,
        roles: ServiceRoles,
        *,
        gateway_url: str,
        workspace: Path,
        settings: LocalSettings | None = None,
    ) -> None:
        self.invoker = VariantInvoker(clock)
        self.capture = DataCapture(backend, clock)
        self.logs = EndpointLogs(backend)
        self._builder = DeploymentBuilder(backend, roles, clock, metrics, self.logs, gateway_url, workspace)
        provisioning = EndpointProvisioning(backend, clock, metrics, self._builder, self.invoker, deleted=self._forget)
        endpoints: NamedResources[Endpoint] = NamedResources("endpoint", "endpoint")
        self.state = State(backend, roles, clock, provisioning, settings or LocalSettings(), endpoints)

    async def close(self) -> None:
        """Takes every instance down, writes what is waiting for the backend, and removes the workspace."""
        endpoints = self.state.endpoints.all()
        await tasks.settle("ending an endpoint", *(self.state.provisioning.stop(endpoint) for endpoint in endpoints))
        await self.invoker.close()
        await self._builder.close()
        await tasks.settle("writing what is left", self.capture.close(), self.logs.close())

    def configure(self, endpoint_name: str, settings: LocalSettings) -> None:
        """Sets an endpoint's local settings, for instances that are started from now on."""
        self.state.settings[endpoint_name] = settings

    def take_plan(self, plan: PlannedEndpoint) -> None:
        """Takes a plan from which Inference Recommender's operations answer for its endpoint and model."""
        self.state.plans.pop((plan.region, plan.endpoint), None)
        self.state.plans[plan.region, plan.endpoint] = plan

    def delegates(self, operation: str) -> bool:
        return not _HOSTING.match(operation)

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """ARNs by the service authorization reference: CreateEndpoint acts on the endpoint and on its configuration."""
        if "ResourceArn" in request:
            return (request["ResourceArn"],)
        if operation.startswith("List"):
            return ("*",)
        if job := request.get("JobName") or request.get("InferenceRecommendationsJobName"):
            return (arn(JOB, job, call),)
        kinds = {"ModelName": "model", "EndpointName": "endpoint", "EndpointConfigName": "endpoint-config"}
        return [arn(kind, request[member], call) for member, kind in kinds.items() if request.get(member)]

    def role_calls(self, account: str) -> Iterable[ServiceCall]:
        """What SageMaker calls in the roles of the models behind the endpoints."""
        for endpoint in self.state.endpoints.all():
            for variant in (*endpoint.config.variants, *endpoint.config.shadows):
                model = self.state.models.find(endpoint.region, variant["ModelName"])
                if model is not None:
                    place = AccountRegion(endpoint.region, account)
                    yield from endpoint_calls(endpoint.name, model.request, endpoint.config.request, place)

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """A resource's tags, by its ARN."""
        return {tag["Key"]: tag["Value"] for tag in self.state.tags.of(arn)}

    def endpoint(self, region: str, name: str) -> tuple[Endpoint, Deployment] | None:
        """An endpoint and the deployment that serves its requests; None if there is none.

        InvokeEndpoint, unlike CreateEndpoint, needs the name in the case in which it was created (botocore,
        CreateEndpointInput).
        """
        endpoint = self.state.endpoints.find(region, name)
        if endpoint is None or endpoint.name != name or endpoint.serving is None:
            return None
        return endpoint, endpoint.serving

    def relies_on(self) -> Iterable[str]:
        """ARNs of what the backend keeps for the models: their data in S3."""
        for model in self.state.models.all():
            source = source_of(model.container)
            if source is not None:
                yield f"arn:aws:s3:::{source.uri.removeprefix('s3://')}"

    def _forget(self, endpoint: Endpoint) -> None:
        self.state.endpoints.discard(endpoint.region, endpoint.name)
        self.state.tags.forget(endpoint.arn)
