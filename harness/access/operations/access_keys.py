"""Access keys of users and of the account's root. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harness.access import errors
from harness.access.identities import User
from harness.access.operations.base import Operations, page_of
from harness.access.rules import quotas
from harness.access.rules.access_keys import AccessKey
from harness.core.calls import Call

Answer = dict[str, Any]


class AccessKeyOperations(Operations):
    """CreateAccessKey, UpdateAccessKey, DeleteAccessKey, ListAccessKeys, GetAccessKeyLastUsed."""

    async def create_access_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self._owner(call, request)
        key_ids = self._key_ids(call, user)
        if len(key_ids) >= quotas.ACCESS_KEYS_PER_USER:
            raise errors.quota("AccessKeysPerUser", quotas.ACCESS_KEYS_PER_USER)
        account = self.account(call)
        key = self.state.issue_long_term(account.account_id, "" if user is None else user.unique_id)
        key_ids.append(key.key_id)
        return {"AccessKey": {**_describe(key, user), "SecretAccessKey": key.secret}}

    async def list_access_keys(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self._owner(call, request)
        keys = (key for key_id in sorted(self._key_ids(call, user)) if (key := self.state.keys.get(key_id)))
        return page_of(
            "AccessKeyMetadata", keys, request, lambda key: _describe(key, user), lambda key: str(key.key_id)
        )

    async def update_access_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        key_id = self._key_id(call, request)
        # The enumeration has Expired too, which only AWS sets.
        self.state.keys.set_active(key_id, active=request["Status"] == "Active")
        return {}

    async def delete_access_key(self, call: Call, request: Mapping[str, Any]) -> Answer:
        key_id = self._key_id(call, request)
        self._key_ids(call, self._owner(call, request)).remove(key_id)
        self.state.keys.delete(key_id)
        return {}

    async def get_access_key_last_used(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """A key of nobody in the account is denied, not unknown (recorded from AWS)."""
        key_id = request["AccessKeyId"]
        key = self.state.keys.get(key_id)
        account = self.account(call)
        if key is None or key.account != account.account_id or key.session is not None:
            raise errors.foreign_key(key_id, call.principal.arn)
        owner = account.by_id(key.owner) if key.owner else None
        use = self.state.keys.last_use(key_id)
        used: Answer = {"ServiceName": "N/A", "Region": "N/A"}
        if use is not None:
            date = datetime.fromtimestamp(use.at, UTC).replace(microsecond=0)
            used = {"LastUsedDate": date, "ServiceName": use.service, "Region": use.region}
        return {"UserName": "<root_account>" if owner is None else owner.name, "AccessKeyLastUsed": used}

    def _owner(self, call: Call, request: Mapping[str, Any]) -> User | None:
        """The user whose keys a request is about; None for the root, who calls without a UserName."""
        if "UserName" not in request and call.principal.kind == "root":
            return None
        return self.user(call, request)

    def _key_ids(self, call: Call, user: User | None) -> list[str]:
        return self.account(call).root_access_keys if user is None else user.access_keys

    def _key_id(self, call: Call, request: Mapping[str, Any]) -> str:
        """The key's id. A request without a UserName may name any key of the calling root's own, or of the user's."""
        key_id: str = request["AccessKeyId"]
        if key_id not in self._key_ids(call, self._owner(call, request)):
            raise errors.no_such("access-key", key_id)
        return key_id


def _describe(key: AccessKey, user: User | None) -> Answer:
    return {
        **({} if user is None else {"UserName": user.name}),
        "AccessKeyId": key.key_id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": datetime.fromtimestamp(key.issued or 0, UTC).replace(microsecond=0),
    }
