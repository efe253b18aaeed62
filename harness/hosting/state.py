"""What all operations of SageMaker hosting share."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.backend.client import Backend
from harness.core.clock import Clock
from harness.hosting.endpoint import Endpoint
from harness.hosting.instances.settings import LocalSettings
from harness.hosting.provisioning import Provisioning
from harness.hosting.resources import EndpointConfig, Model, Registry
from harness.hosting.tag_store import TagStore


@dataclass(slots=True)
class State:
    """settings: what a stack says of an endpoint beside the AWS calls, by its name; default: of any other."""

    backend: Backend
    clock: Clock
    provisioning: Provisioning
    default: LocalSettings
    endpoints: Registry[Endpoint]
    models: Registry[Model] = field(default_factory=lambda: Registry("model", "model"))
    configs: Registry[EndpointConfig] = field(
        default_factory=lambda: Registry("endpoint-config", "endpoint configuration")
    )
    tags: TagStore = field(default_factory=TagStore)
    settings: dict[str, LocalSettings] = field(default_factory=dict)

    def settings_of(self, endpoint: str) -> LocalSettings:
        return self.settings.get(endpoint, self.default)


class Operations:
    """Some of the service's operations, as methods on the shared state."""

    state: State
