"""The functions of all accounts and regions, and what every group of operations needs to find and deploy them."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from harness.backend.client import Backend
from harness.backend.logs import CloudWatchLogs
from harness.backend.metrics import Metrics
from harness.core.calls import Call
from harness.core.clock import Clock, WallClock
from harness.core.errors import AwsError
from harness.functions import errors, package, role
from harness.functions.code_store import CodeStore
from harness.functions.configuration import Configuration
from harness.functions.function import Function, Version, found
from harness.functions.host import Code, Host
from harness.functions.layers import Layers
from harness.functions.metrics import FunctionMetrics
from harness.functions.package import Package
from harness.functions.pool import Pool
from harness.functions.provisioning import Provisioning
from harness.functions.rules import names
from harness.functions.rules.concurrency import AccountConcurrency, FunctionConcurrency
from harness.functions.rules.names import LATEST, FunctionReference

Item = TypeVar("Item")
Place = tuple[str, str]
"""Account and region."""


class Registry:
    """State of the service, with what the operations share. Made by Functions, which documents the arguments."""

    def __init__(
        self, backend: Backend, clock: Clock, metrics: Metrics, *, gateway_url: str, workspace: Path, preparation: float
    ) -> None:
        self._backend = backend
        self._clock = clock
        self._requests = WallClock()
        self._gateway_url = gateway_url
        self._workspace = workspace
        self._preparation = preparation
        self._logs = CloudWatchLogs(backend)
        self._metrics = FunctionMetrics(metrics)
        self._store = CodeStore(backend)
        self._layers = Layers()
        self._functions: dict[tuple[str, str, str], Function] = {}
        self._concurrency: dict[Place, AccountConcurrency] = {}
        self._pools: set[Pool] = set()
        self._host: Host | None = None

    # ---- finding

    def _reference(self, call: Call, request: Mapping[str, Any]) -> FunctionReference:
        reference = names.parse(
            request["FunctionName"], request.get("Qualifier"), account=call.account, region=call.region
        )
        check_account(call, reference)
        return reference

    def _named(self, reference: FunctionReference) -> Function | None:
        return self._functions.get(_key(reference))

    def _find(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """The function and the reference to it, whose qualifier is one of its own. Raises AwsError."""
        reference = self._reference(call, request)
        function = self._named(reference)
        if function is None:
            raise errors.not_found(reference.arn)
        found(function, reference)
        return reference, function

    def _find_whole(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """A function of which no version or alias may be named. Raises AwsError."""
        reference = self._reference(call, request)
        if reference.qualifier not in (None, LATEST):
            raise errors.invalid(errors.FUNCTIONS_ONLY)
        function = self._named(reference)
        if function is None:
            raise errors.not_found(reference.arn)
        return reference, function

    def _all(self, call: Call) -> list[Function]:
        """The caller's functions by name."""
        place = (call.account, call.region)
        return [function for key, function in sorted(self._functions.items()) if key[:2] == place]

    def _account(self, call: Call) -> AccountConcurrency:
        return self._concurrency.setdefault((call.account, call.region), AccountConcurrency())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock.now(), UTC)

    # ---- deploying

    async def _deploy(
        self, configuration: Configuration, uploaded: Package, concurrency: FunctionConcurrency
    ) -> Version:
        """Unpack code and layers, ready for environments. Raises AwsError."""
        assert self._host is not None, "start() comes first"
        code = Code(self._workspace / "code" / uuid.uuid4().hex, len(configuration.layers))
        await asyncio.to_thread(_unpack, code, configuration, uploaded)
        session = role.RoleSession(self._backend, configuration.role, configuration.reference.name)
        pool = Pool(configuration, session, self._host, code)
        self._pools.add(pool)
        provisioning = Provisioning(concurrency, pool, self._clock, self._preparation)
        return Version(configuration, uploaded, pool, provisioning)

    async def _retire(self, *versions: Version) -> None:
        """End versions that are replaced or deleted, each environment after its invocation."""
        for version in versions:
            await version.provisioning.release()
            await version.pool.retire()
            if version.pool.finished:
                self._pools.discard(version.pool)


def page(items: Sequence[Item], request: Mapping[str, Any], largest: int) -> tuple[list[Item], dict[str, Any]]:
    """One page of a listing and, where there are more, its NextMarker: the number of the next item.

    Raises AwsError for a marker that no listing gave.
    """
    marker = request.get("Marker") or "0"
    if not marker.isdigit():
        raise errors.invalid("Invalid Marker.")  # unverified
    size = min(int(request.get("MaxItems") or largest), largest)
    start = int(marker)
    end = start + size
    return list(items[start:end]), {"NextMarker": str(end)} if len(items) > end else {}


def check_account(call: Call, reference: FunctionReference) -> None:
    """Raises AwsError for a function of another account: no policy there can be known."""
    if reference.account != call.account:
        action = "InvokeFunction" if call.operation == "Invoke" else call.operation
        raise errors.other_account(call.principal.arn, action, reference.arn)


def new_revision() -> str:
    return str(uuid.uuid4())


def check_revision(current: str, request: Mapping[str, Any]) -> None:
    """Raises AwsError where the request was made for another revision."""
    if request.get("RevisionId") and request["RevisionId"] != current:
        raise errors.stale_revision()


def _key(reference: FunctionReference) -> tuple[str, str, str]:
    return reference.account, reference.region, reference.name


def _unpack(code: Code, configuration: Configuration, uploaded: Package) -> None:
    packages = [(uploaded, code.task)]
    packages += [(layer.package, code.layer(index)) for index, layer in enumerate(configuration.layers)]
    try:
        if sum(each.unpacked_size for each, _ in packages) >= errors.UNZIPPED_LIMIT:
            raise errors.invalid(errors.UNZIPPED_TOO_LARGE)
        for each, folder in packages:
            each.unpack(folder)
    except AwsError:
        package.remove(code.folder)
        raise
