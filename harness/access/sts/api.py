"""The service ``sts``: temporary credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.access.directory import Directory
from harness.access.state import State
from harness.access.sts.operations.assuming import RoleOperations
from harness.core.calls import Call, Service

# Operations that ask for authorization themselves: what they need depends on the session that they make.
_AUTHORIZE_THEMSELVES = frozenset(("AssumeRole",))


class Tokens(RoleOperations, Service):
    """The service ``sts``."""

    service_name: ClassVar[str] = "sts"
    validation_code: ClassVar[str] = "ValidationError"

    def __init__(self, state: State, directory: Directory) -> None:
        self.state = state
        self.directory = directory

    def authorizes(self, operation: str) -> bool:
        return operation in _AUTHORIZE_THEMSELVES

    def resources(self, operation: str, request: Mapping[str, Any], call: Call) -> Iterable[str]:
        """The role that is to be assumed; ``*`` for the other operations."""
        return (request["RoleArn"],) if "RoleArn" in request else ("*",)

    async def get_caller_identity(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        key = self.directory.key(call.access_key)
        user_id = call.account if key is None else self.directory.user_id(key)
        return {"UserId": user_id, "Account": call.account, "Arn": call.principal.arn}
