"""GetContextKeysForCustomPolicy and GetContextKeysForPrincipalPolicy. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.operations.base import Operations
from harness.access.operations.simulation import parse_input_policies
from harness.access.rules.context_keys import context_keys
from harness.core.calls import Call

Answer = dict[str, Any]


class ContextKeyOperations(Operations):
    """Which context keys some policies, or those of a user, group or role, read."""

    async def get_context_keys_for_custom_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return {"ContextKeyNames": context_keys(parse_input_policies(request))}

    async def get_context_keys_for_principal_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """A user's groups count too. A boundary does not: the API reference names the attached policies only."""
        account, arn = self.account(call), request["PolicySourceArn"]
        holder = account.by_arn(arn)
        if holder is None:
            raise errors.no_such_entity(arn)
        policies = (*account.entity(holder).identity, *parse_input_policies(request))
        return {"ContextKeyNames": context_keys(policies)}
