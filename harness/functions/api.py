"""Lambda's API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from harness.access.rules.actions import AccountRegion
from harness.access.rules.service_calls import ServiceCall, function_calls
from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.backend.logs import CloudWatchLogs
from harness.backend.metrics import Metrics
from harness.core import folders, tasks
from harness.core.calls import Call, PathHandler, Service
from harness.core.clock import Clock
from harness.core.errors import AwsError
from harness.functions import errors
from harness.functions.cgroup import MemoryCgroups
from harness.functions.code_store import CodeStore
from harness.functions.deployer import Deployer
from harness.functions.function import DeployedFunctions
from harness.functions.host import Host
from harness.functions.invoker import Invoker
from harness.functions.metrics import FunctionMetrics
from harness.functions.operations.concurrency import ConcurrencyOperations
from harness.functions.operations.event_invoke import EventInvokeOperations
from harness.functions.operations.functions import FunctionOperations
from harness.functions.operations.invocations import InvocationOperations
from harness.functions.operations.layers import LayerOperations
from harness.functions.operations.permissions import PermissionOperations
from harness.functions.operations.urls import UrlOperations
from harness.functions.operations.versions import VersionOperations
from harness.functions.rules import names
from harness.functions.rules.concurrency import IDLE_SECONDS, PREPARATION_SECONDS
from harness.functions.state import State
from harness.functions.storage import can_be_private
from harness.functions.urls import FunctionUrls


class Functions(
    InvocationOperations,
    FunctionOperations,
    VersionOperations,
    ConcurrencyOperations,
    EventInvokeOperations,
    PermissionOperations,
    UrlOperations,
    LayerOperations,
    Service,
):
    """AWS Lambda on one machine.

    The code runs under the real awslambdaric and the interpreter that runs the harness: a runtime identifier decides
    the environment variables, not the Python. A function is Active as soon as its creation is answered. Memory is
    limited by cgroups and /tmp is each environment's own where the machine allows it (harness.functions.cgroup,
    harness.functions.storage).

    backend: S3, IAM, STS, Logs, SQS and SNS. gateway_url: the endpoint that functions see as AWS_ENDPOINT_URL.
    workspace: a folder of the service's own, removed by close(). preparation: seconds of the clock before provisioned
    environments are made. That, idle times and the waits between an event's retries are the clock's; requests keep the
    wall's time, however fast the clock runs: timeouts, durations, rates and the role's credentials.
    """

    service_name: ClassVar[str] = "lambda"

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        metrics: Metrics,
        roles: ServiceRoles,
        *,
        gateway_url: str,
        workspace: Path,
        preparation: float = PREPARATION_SECONDS,
    ) -> None:
        self._clock = clock
        self._gateway_url = gateway_url
        self._workspace = workspace
        self._logs = CloudWatchLogs(backend)
        functions = DeployedFunctions()
        deployer = Deployer(roles, clock, functions, workspace=workspace, preparation=preparation)
        invoker = Invoker(backend, clock, FunctionMetrics(metrics), functions, deployer)
        self.state = State(backend, roles, clock, gateway_url, functions, deployer, invoker, CodeStore(backend))

    async def start(self) -> None:
        """Make the workspace, without what a harness that was killed left in it. Raises OSError where it cannot."""
        await tasks.in_thread(folders.remove, self._workspace)
        self._workspace.mkdir(parents=True, exist_ok=True)
        self.state.deployer.host = Host(
            self._clock,
            self._logs,
            self._workspace / "environments",
            self._gateway_url,
            await tasks.in_thread(MemoryCgroups.find),
            await tasks.in_thread(can_be_private, self._workspace),
            IDLE_SECONDS,
        )

    async def close(self) -> None:
        """End every environment, write the logs that are left and remove the workspace."""
        await self.state.invoker.close_events()
        for function in self.state.functions.by_key.values():
            for version in function.all_versions():
                version.provisioning.cancel()
        await tasks.settle("ending a function's environments", *(pool.kill() for pool in self.state.deployer.pools))
        await self.state.invoker.wait()
        await self._logs.close()
        await tasks.in_thread(folders.remove, self._workspace)

    async def flush_logs(self) -> None:
        """Write to the backend what functions have logged so far."""
        await self._logs.flush()

    def paths(self) -> Iterable[PathHandler]:
        """Function URLs."""
        return (FunctionUrls(self.state),)

    def body_too_large(self, operation: str, limit: int) -> AwsError:
        """Lambda's sentence names the operation."""
        return errors.request_too_large(operation, limit)

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The ARN of the function, with the qualifier that the request gives, or of the layer; else ``*``."""
        place = f"arn:aws:lambda:{call.region}:{call.account}"
        if request.get("LayerName"):
            name = str(request["LayerName"]).rpartition(":")[2]
            version = f":{request['VersionNumber']}" if request.get("VersionNumber") else ""
            yield f"{place}:layer:{name}{version}"
            return
        raw = request.get("FunctionName") or request.get("Resource") or request.get("Arn")
        if not raw:
            yield "*"
            return
        try:
            reference = names.parse(raw, request.get("Qualifier"), account=call.account, region=call.region)
        except AwsError:
            # The operation itself refuses it; until then it is authorized as what it says.
            yield raw if raw.startswith("arn:") else f"{place}:function:{raw}"
        else:
            yield reference.unqualified_arn if operation == "CreateFunction" else reference.arn

    def role_calls(self) -> Iterable[ServiceCall]:
        """What Lambda calls as the functions' roles."""
        for (account, region, name), function in self.state.functions.by_key.items():
            destinations = [
                arn
                for config in function.event_invoke.values()
                for arn in (config.on_success, config.on_failure)
                if arn
            ]
            role = function.latest.configuration.role
            yield from function_calls(name, role, destinations, AccountRegion(region, account))

    def concurrency(self) -> list[dict[str, Any]]:
        """Every function's executions of this moment and what is set on them, for a live picture.

        name, running, reserved (None without), requested and allocated (provisioned concurrency, all versions').
        """
        return [
            {
                "name": key[2],
                "running": function.concurrency.running,
                "reserved": function.concurrency.reserved,
                "requested": function.concurrency.requested,
                "allocated": function.concurrency.allocated,
            }
            for key, function in sorted(self.state.functions.by_key.items())
        ]
