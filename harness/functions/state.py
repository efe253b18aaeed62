"""The state of the service: the functions of all accounts and regions, and how requests name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from harness.access.service_roles import ServiceRoles
from harness.backend.client import Backend
from harness.core.calls import Call
from harness.core.clock import Clock
from harness.functions import errors
from harness.functions.code_store import CodeStore
from harness.functions.deployer import Deployer
from harness.functions.function import DeployedFunctions, Function, version_of
from harness.functions.invoker import Invoker
from harness.functions.layers import Layers
from harness.functions.rules import names
from harness.functions.rules.names import LATEST, FunctionReference

Item = TypeVar("Item")


@dataclass(slots=True)
class State:
    """The state that all groups of operations share.

    gateway_url: the endpoint that functions see as AWS_ENDPOINT_URL.
    """

    backend: Backend
    roles: ServiceRoles
    clock: Clock
    gateway_url: str
    functions: DeployedFunctions
    deployer: Deployer
    invoker: Invoker
    store: CodeStore
    layers: Layers = field(default_factory=Layers)

    def reference(self, call: Call, request: Mapping[str, Any]) -> FunctionReference:
        """The function that a request names. Raises AwsError."""
        reference = names.parse(
            request["FunctionName"], request.get("Qualifier"), account=call.account, region=call.region
        )
        check_account(call, reference)
        return reference

    def find(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """The function that a request names, and the reference to it.

        Raises AwsError if the function, or the version or alias of the qualifier, does not exist.
        """
        reference = self.reference(call, request)
        function = self.functions.get(reference)
        if function is None:
            raise errors.not_found(reference.arn)
        version_of(function, reference)
        return reference, function

    def find_unqualified(self, call: Call, request: Mapping[str, Any]) -> tuple[FunctionReference, Function]:
        """Like find(), for operations that accept no version or alias. Raises AwsError."""
        reference = self.reference(call, request)
        if reference.qualifier not in (None, LATEST):
            raise errors.invalid(errors.FUNCTIONS_ONLY)
        function = self.functions.get(reference)
        if function is None:
            raise errors.not_found(reference.arn)
        return reference, function

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)


class Operations:
    """Some of the service's operations, as methods on the shared state."""

    state: State


def page(items: Sequence[Item], request: Mapping[str, Any], largest: int) -> tuple[list[Item], dict[str, Any]]:
    """One page of a listing and, if there are more items, its NextMarker: the index of the next item.

    Raises AwsError for a marker that is not such an index.
    """
    marker = request.get("Marker") or "0"
    if not marker.isdigit():
        raise errors.invalid("Invalid Marker.")  # unverified
    size = min(int(request.get("MaxItems") or largest), largest)
    start = int(marker)
    end = start + size
    return list(items[start:end]), {"NextMarker": str(end)} if len(items) > end else {}


def check_account(call: Call, reference: FunctionReference) -> None:
    """Raise AwsError for a function of another account, because its policies are unknown here."""
    if reference.account != call.account:
        action = "InvokeFunction" if call.operation == "Invoke" else call.operation
        raise errors.other_account(call.principal.arn, action, reference.arn)


def check_revision(current: str, request: Mapping[str, Any]) -> None:
    """Raise AwsError if the request is for another revision."""
    if request.get("RevisionId") and request["RevisionId"] != current:
        raise errors.stale_revision()
