"""The service ``sts``: temporary credentials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from harness.access.directory import Directory
from harness.access.rules.identifiers import account_of_key
from harness.access.state import State
from harness.access.sts import errors
from harness.access.sts.operations.own_sessions import OwnSessionOperations
from harness.access.sts.operations.saml import SamlOperations
from harness.access.sts.operations.web_identity import WebIdentityOperations
from harness.core.calls import Call, Service

# Operations that ask for authorization themselves: what they need depends on the session that they make.
_AUTHORIZE_THEMSELVES = frozenset(
    ("AssumeRole", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity", "GetFederationToken")
)


class Tokens(WebIdentityOperations, SamlOperations, OwnSessionOperations, Service):
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

    async def get_access_key_info(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        """The account that a key id names, whether or not there is such a key."""
        key_id = request["AccessKeyId"]
        try:
            return {"Account": account_of_key(key_id)}
        except ValueError:
            raise errors.invalid_key_id(key_id) from None

    async def decode_authorization_message(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return {"DecodedMessage": self.state.refusals.decode(call.account, request["EncodedMessage"])}
        except ValueError:
            raise errors.invalid_authorization_message() from None

    async def get_web_identity_token(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        """Refused as in an account that has not enabled outbound federation: the harness cannot enable it."""
        raise errors.outbound_federation_disabled()

    async def assume_root(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        raise errors.not_part("AssumeRoot", "only an organization's management account can do it, and there is none")

    async def get_delegated_access_token(self, call: Call, request: Mapping[str, Any]) -> dict[str, Any]:
        raise errors.not_part("GetDelegatedAccessToken", "only AWS's partners issue the tokens that it takes")
