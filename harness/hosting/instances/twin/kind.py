"""The kind ``twin``. It is light to import, because whoever reads a stack file imports it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from harness.core.clock import Clock
from harness.hosting.instances.base import InstanceFailed, InstanceKind, InstanceSpec, Log
from harness.hosting.instances.twin.host_process import HostProcess

if TYPE_CHECKING:
    from harness.hosting.instances.settings import LocalSettings
    from harness.hosting.instances.twin.instance import TwinInstance


class TwinKind(InstanceKind):
    """Twins, all in one host process, which starts with the first twin and ends with the harness, however that ends."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self._host: HostProcess | None = None
        self._starting = asyncio.Lock()

    @classmethod
    def missing(cls, settings: LocalSettings) -> str | None:
        return None if settings.profile is not None else "needs a profile, the path of a capacity profile"

    def build(self, spec: InstanceSpec, log: Log) -> TwinInstance:
        from harness.hosting.instances.twin.instance import TwinInstance

        if spec.settings.profile is None:
            raise InstanceFailed("A twin answers from a profile: name one under [local] profile.")
        return TwinInstance(self.host, spec.settings.profile, self.clock, log)

    async def host(self) -> HostProcess:
        """The running host process; a new one if the last has died."""
        async with self._starting:
            if self._host is None or self._host.ended.is_set():
                self._host = await HostProcess.start()
            return self._host

    async def close(self) -> None:
        if self._host is not None:
            await self._host.close()
