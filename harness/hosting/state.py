"""What exists in SageMaker hosting: models, endpoint configurations, endpoints, recommendation jobs and tags."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic

from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.core.calls import Call
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.hosting import errors
from harness.hosting.endpoint import Endpoint
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.provisioning import EndpointProvisioning
from harness.hosting.resources import JOB, EndpointConfig, Model, RecommendationJob, arn
from harness.hosting.rules.paging import R, page

if TYPE_CHECKING:
    from harness.hosting.rules.planned import PlannedEndpoint

# The most tags of a resource (botocore, TagList).
_MOST_TAGS = 50


class NamedResources(Generic[R]):
    """The resources of one kind, by region and name in any case. kind: as in the ARN; noun: as in AWS's sentences."""

    def __init__(self, kind: str, noun: str) -> None:
        self.kind = kind
        self._noun = noun
        self._resources: dict[tuple[str, str], R] = {}

    def add(self, call: Call, resource: R) -> None:
        """Raises AwsError ValidationException for a name that is taken."""
        key = (call.region, resource.name.lower())
        if key in self._resources:
            raise errors.invalid(errors.NAME_TAKEN.format(self._noun, arn(self.kind, resource.name, call)))
        self._resources[key] = resource

    def get(self, call: Call, name: str) -> R:
        """Raises AwsError ValidationException for an unknown name."""
        resource = self.find(call.region, name)
        if resource is None:
            raise errors.invalid(errors.NOT_FOUND.format(self._noun, arn(self.kind, name, call)))
        return resource

    def find(self, region: str, name: str) -> R | None:
        return self._resources.get((region, name.lower()))

    def all(self, region: str | None = None) -> list[R]:
        """The resources of one region, or of all regions."""
        return [resource for (its_region, _), resource in self._resources.items() if region in (None, its_region)]

    def remove(self, call: Call, name: str) -> R:
        """Raises AwsError ValidationException for an unknown name."""
        resource = self.get(call, name)
        self.discard(call.region, name)
        return resource

    def discard(self, region: str, name: str) -> None:
        self._resources.pop((region, name.lower()), None)

    def page(
        self,
        call: Call,
        request: Mapping[str, Any],
        accept: Callable[[R], bool] = lambda resource: True,
        sort_key: Callable[[R], str] = lambda resource: "",
    ) -> tuple[list[R], str | None]:
        """One page of the caller's region, and the NextToken. The arguments are rules.paging.page()'s."""
        return page(self.all(call.region), request, accept, sort_key)


class Tags:
    """Tags by the ARN of their resource."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    def add(self, arn: str, tags: Iterable[Mapping[str, str]]) -> None:
        """Adds or replaces tags, given as Key and Value. Raises AwsError ResourceLimitExceeded beyond 50."""
        merged = {**self._tags.get(arn, {}), **{tag["Key"]: tag["Value"] for tag in tags}}
        if len(merged) > _MOST_TAGS:
            raise AwsError("ResourceLimitExceeded", errors.TAGS_TOO_MANY.format(_MOST_TAGS, len(merged)))
        if merged:
            self._tags[arn] = merged

    def of(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def remove(self, arn: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._tags.get(arn, {}).pop(key, None)

    def forget(self, arn: str) -> None:
        self._tags.pop(arn, None)


@dataclass(slots=True)
class State:
    """What the operations share.

    default: the local settings of an endpoint of which ``settings``, by endpoint name, has none. plans: capacity plans
    by region and endpoint, the newest last.
    """

    backend: Backend
    roles: ServiceRoles
    clock: Clock
    provisioning: EndpointProvisioning
    default: LocalSettings
    endpoints: NamedResources[Endpoint]
    models: NamedResources[Model] = field(default_factory=lambda: NamedResources("model", "model"))
    configs: NamedResources[EndpointConfig] = field(
        default_factory=lambda: NamedResources("endpoint-config", "endpoint configuration")
    )
    jobs: NamedResources[RecommendationJob] = field(default_factory=lambda: NamedResources(JOB, "job"))
    tags: Tags = field(default_factory=Tags)
    settings: dict[str, LocalSettings] = field(default_factory=dict)
    plans: dict[tuple[str, str], PlannedEndpoint] = field(default_factory=dict)

    def settings_of(self, endpoint: str) -> LocalSettings:
        return self.settings.get(endpoint, self.default)


class Operations:
    """The base of a family of operations: methods on the shared state."""

    state: State
