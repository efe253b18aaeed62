"""Brings one endpoint configuration up: its variants, each with its model's data, its fleet and its metrics."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.backend.metrics import Metrics
from harness.core import folders, tasks
from harness.core.clock import Clock
from harness.hosting import errors
from harness.hosting.fleet import Fleet
from harness.hosting.instances.base import Instance, InstanceSpec
from harness.hosting.instances.kinds import KindRegistry
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.logs import EndpointLogs
from harness.hosting.model_data import ModelData, ModelDataError, fetch, source_of
from harness.hosting.resources import SAGEMAKER_PRINCIPAL, EndpointConfig, Model
from harness.hosting.rules.timeouts import DOWNLOAD_SECONDS, STARTUP_SECONDS
from harness.hosting.telemetry import VariantTelemetry

log = logging.getLogger(__name__)
container_log = logging.getLogger("harness.container")

_CREDENTIAL_SECONDS = 3600


@dataclass(slots=True)
class Variant:
    """A production or shadow variant that is deployed.

    spec: its entry in the endpoint configuration. weight: routes the requests; desired_weight: takes its place after
    the update under way.
    """

    spec: Mapping[str, Any]
    image: str | None
    fleet: Fleet
    telemetry: VariantTelemetry
    weight: float
    desired_weight: float

    @property
    def name(self) -> str:
        return str(self.spec["VariantName"])


@dataclass(slots=True)
class Deployment:
    """The variants of one configuration behind an endpoint, in the configuration's order. folder: for its files."""

    endpoint: str
    region: str
    config: EndpointConfig
    started: float
    folder: Path
    variants: dict[str, Variant] = field(default_factory=dict)
    shadows: dict[str, Variant] = field(default_factory=dict)

    @property
    def all_variants(self) -> list[Variant]:
        return [*self.variants.values(), *self.shadows.values()]

    @property
    def in_service(self) -> int:
        """How many instances of production variants take requests."""
        return sum(variant.fleet.in_service for variant in self.variants.values())


@dataclass(frozen=True, slots=True)
class Retained:
    """What an update keeps of the variant of the same name; None takes the configuration's."""

    count: int | None = None
    weight: float | None = None


class DeploymentBuilder:
    """Brings deployments up and takes them down.

    gateway_url: what a container sees as AWS_ENDPOINT_URL. workspace: a folder of the builder's own.
    """

    def __init__(
        self,
        backend: Backend,
        roles: ServiceRoles,
        clock: Clock,
        metrics: Metrics,
        logs: EndpointLogs,
        gateway_url: str,
        workspace: Path,
    ) -> None:
        self._backend = backend
        self._roles = roles
        self._clock = clock
        self._metrics = metrics
        self._logs = logs
        self._gateway_url = gateway_url
        self._workspace = workspace
        self._kinds = KindRegistry(clock)
        self._numbers = itertools.count()

    async def close(self) -> None:
        """Ends what is left. To be called when every deployment is down."""
        await self._kinds.close()
        await tasks.in_thread(folders.remove, self._workspace)

    def new(self, region: str, endpoint: str, config: EndpointConfig) -> Deployment:
        """A deployment of which nothing is up yet."""
        folder = self._workspace / region / endpoint / str(next(self._numbers))
        return Deployment(endpoint, region, config, self._clock.now(), folder)

    async def bring_up(
        self,
        deployment: Deployment,
        models: Mapping[str, Model],
        settings: LocalSettings,
        retained: Mapping[str, Retained],
        changed: Callable[[], None],
    ) -> None:
        """Returns when every instance of every variant is in service.

        models: by variant name. changed: called whenever the number of instances in service has changed.
        Raises InstanceFailed, ModelDataError or OSError; what is up by then is left for take_down().
        """
        data: dict[str, ModelData | None] = {}
        groups = (deployment.config.variants, deployment.variants), (deployment.config.shadows, deployment.shadows)
        for specs, variants in groups:
            for spec in specs:
                model = models[spec["VariantName"]]
                if model.name not in data:
                    data[model.name] = await self._model_data(deployment, spec, model, settings)
                environment = self._environment(deployment.region, model)
                keep = retained.get(spec["VariantName"], Retained())
                build = self._builder(deployment, spec, data[model.name], environment, settings)
                variant = self._variant(deployment, spec, model, build, settings, keep, changed)
                variants[variant.name] = variant
        await tasks.together(*(variant.fleet.start() for variant in deployment.all_variants))

    async def take_down(self, deployment: Deployment, *, drain: bool = False) -> None:
        """Takes every instance down, whatever fails meanwhile. drain: each may finish its requests first."""
        variants = deployment.all_variants
        await tasks.settle("ending a variant's instances", *(variant.fleet.stop(drain=drain) for variant in variants))
        await tasks.settle("ending a variant's metrics", *(variant.telemetry.close() for variant in variants))
        await tasks.attempt(tasks.in_thread(folders.remove, deployment.folder), "removing an endpoint's files")

    async def _model_data(
        self, deployment: Deployment, spec: Mapping[str, Any], model: Model, settings: LocalSettings
    ) -> ModelData | None:
        source = source_of(model.container)
        if source is None or not self._kinds.get(settings.instances).needs_model_data:
            return None
        seconds = float(spec.get("ModelDataDownloadTimeoutInSeconds", DOWNLOAD_SECONDS))
        try:
            async with asyncio.timeout(seconds):
                return await tasks.in_thread(fetch, self._backend, source, deployment.folder / "models" / model.name)
        except TimeoutError:
            raise ModelDataError(errors.MODEL_DATA_LATE.format(seconds, source.uri)) from None

    def _environment(self, region: str, model: Model) -> dict[str, str]:
        """The container's Environment, with the role's credentials for the AWS calls that the model's code makes."""
        environment = {
            "AWS_ENDPOINT_URL": self._gateway_url,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            **model.container.get("Environment", {}),
        }
        role = model.request.get("ExecutionRoleArn")
        if role:
            credentials = self._roles.assume(role, SAGEMAKER_PRINCIPAL, "SageMaker", _CREDENTIAL_SECONDS)
            if credentials is None:
                raise ModelDataError(errors.ROLE_NOT_ASSUMED.format(role))
            environment["AWS_ACCESS_KEY_ID"] = credentials.access_key
            environment["AWS_SECRET_ACCESS_KEY"] = credentials.secret_key
            environment["AWS_SESSION_TOKEN"] = credentials.session_token
        return environment

    def _builder(
        self,
        deployment: Deployment,
        spec: Mapping[str, Any],
        data: ModelData | None,
        environment: Mapping[str, str],
        settings: LocalSettings,
    ) -> Callable[[int], Instance]:
        name, kind = spec["VariantName"], self._kinds.get(settings.instances)
        loop, loop_thread = asyncio.get_running_loop(), threading.get_ident()

        def build(number: int) -> Instance:
            folder = deployment.folder / name / str(number)
            folders.remove(folder)
            model_dir = folder / "opt" / "ml" / "model"
            if data is not None:
                model_dir.parent.mkdir(parents=True)
                data.lay_out(model_dir)
            else:
                model_dir.mkdir(parents=True)
            workspace = folder / "work"
            workspace.mkdir()
            put = self._logs.stream(deployment.region, deployment.endpoint, name)

            def log_line(line: str) -> None:
                container_log.info("%s/%s/%d %s", deployment.endpoint, name, number, line)
                if threading.get_ident() == loop_thread:
                    put(line)
                else:  # a kind may build in any thread, and log there
                    loop.call_soon_threadsafe(put, line)

            instance_spec = InstanceSpec(
                deployment.endpoint, name, number, spec["InstanceType"], model_dir, workspace, environment, settings
            )
            return kind.build(instance_spec, log_line)

        return build

    def _variant(
        self,
        deployment: Deployment,
        spec: Mapping[str, Any],
        model: Model,
        build: Callable[[int], Instance],
        settings: LocalSettings,
        keep: Retained,
        changed: Callable[[], None],
    ) -> Variant:
        weight = float(spec.get("InitialVariantWeight", 1.0)) if keep.weight is None else keep.weight
        fleet = Fleet(
            spec["VariantName"],
            build,
            self._clock,
            desired=int(spec.get("InitialInstanceCount", 1)) if keep.count is None else keep.count,
            strategy=spec.get("RoutingConfig", {}).get("RoutingStrategy", "RANDOM"),
            startup_seconds=float(spec.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP_SECONDS)),
            provisioning_seconds=settings.provisioning_seconds,
            serve_unready=settings.serve_unready,
            concurrent_requests=settings.concurrent_requests,
            changed=changed,
        )
        telemetry = VariantTelemetry(
            self._metrics,
            self._clock,
            fleet,
            region=deployment.region,
            endpoint=deployment.endpoint,
            instance_type=spec["InstanceType"],
            with_usage=self._kinds.get(settings.instances).reports_usage,
        )
        return Variant(spec, model.container.get("Image"), fleet, telemetry, weight, weight)
