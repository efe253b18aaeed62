"""IAM's API as far as the harness answers it: the policy simulator. The backend answers the other operations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.access.directory import Directory
from harness.access.history import access_history
from harness.access.operations.simulation import SimulationOperations
from harness.access.rules.access_history import AccessHistory
from harness.access.rules.service_calls import ServiceCall
from harness.backend.client import Backend
from harness.core.calls import Call, Service

_OWN = ("SimulatePrincipalPolicy", "SimulateCustomPolicy")


class Access(SimulationOperations, Service):
    """The service ``iam``. administrator: whether the well-known key ``test`` is the account's administrator."""

    service_name: ClassVar[str] = "iam"

    def __init__(self, backend: Backend, *, administrator: bool = True) -> None:
        super().__init__(Directory(backend, administrator=administrator))
        self.state = self.directory.state

    def delegates(self, operation: str) -> bool:
        return operation not in _OWN

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        return (request["PolicySourceArn"],) if operation == "SimulatePrincipalPolicy" else ("*",)

    async def history(self, service_calls: Iterable[ServiceCall], region: str) -> AccessHistory:
        """What roles have called so far. service_calls: what AWS's services would have called as the roles."""
        return await access_history(self.directory, service_calls, region)
