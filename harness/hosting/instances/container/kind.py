"""The kind ``container``. It is light to import, because whoever reads a stack file imports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.clock import Clock
from harness.hosting.instances.base import InstanceKind, InstanceSpec, Log

if TYPE_CHECKING:
    from harness.hosting.instances.container.instance import ContainerInstance
    from harness.hosting.instances.settings import LocalSettings


class ContainerKind(InstanceKind):
    """Instances on running containers. Each address serves one instance at a time, across all endpoints."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._taken: set[str] = set()

    @classmethod
    def missing(cls, settings: LocalSettings) -> str | None:
        return None if settings.containers else 'needs containers, such as ["http://model-1:8080"]'

    def build(self, spec: InstanceSpec, log: Log) -> ContainerInstance:
        from harness.hosting.instances.container.instance import ContainerInstance

        return ContainerInstance(spec.settings.containers, self._taken, log)
