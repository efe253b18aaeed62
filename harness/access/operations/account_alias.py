"""The account's alias, the name in the address of its sign-in page. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.operations.base import Operations
from harness.core.calls import Call

Answer = dict[str, Any]


class AccountAliasOperations(Operations):
    """CreateAccountAlias, DeleteAccountAlias, ListAccountAliases."""

    async def create_account_alias(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """An account has one alias, which a new one replaces; no two accounts have the same."""
        account, alias = self.account(call), request["AccountAlias"]
        others = (other for other in self.state.accounts.values() if other is not account)
        if any(other.alias == alias for other in others):
            raise errors.alias_taken(alias)
        account.alias = alias
        return {}

    async def delete_account_alias(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, alias = self.account(call), request["AccountAlias"]
        if account.alias != alias:
            # The words are unverified.
            raise errors.no_such_in_words(f"The account alias {alias} cannot be found.")
        account.alias = ""
        return {}

    async def list_account_aliases(self, call: Call, request: Mapping[str, Any]) -> Answer:
        alias = self.account(call).alias
        return {"AccountAliases": [alias] if alias else [], "IsTruncated": False}
