"""Inline policies of users, groups and roles. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.operations.base import Kind, Operations, page_of
from harness.access.operations.descriptions import encoded
from harness.access.operations.documents import inline_document
from harness.access.rules import quotas
from harness.core.calls import Call

Answer = dict[str, Any]


class InlinePolicyOperations(Operations):
    """Put, Get, Delete and List of UserPolicy, GroupPolicy and RolePolicy."""

    async def put_user_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._put("user", call, request)

    async def put_group_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._put("group", call, request)

    async def put_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self.changeable_role(call, request["RoleName"])
        return self._put("role", call, request)

    def _put(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        holder, name, text = self.holder(kind, call, request), request["PolicyName"], request["PolicyDocument"]
        document = inline_document(name, text)
        others = (other.text for key, other in holder.inline.items() if key != name)
        limit = quotas.INLINE_POLICY_CHARACTERS[kind]
        if sum(map(quotas.policy_characters, (text, *others))) > limit:
            raise errors.inline_policies_too_large(kind, holder.name, limit)
        holder.inline[name] = document
        self.account(call).changed()
        return {}

    async def get_user_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._get("user", call, request)

    async def get_group_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._get("group", call, request)

    async def get_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._get("role", call, request)

    def _get(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        holder, name = self.holder(kind, call, request), request["PolicyName"]
        document = holder.inline.get(name)
        if document is None:
            raise errors.no_such_inline_policy(kind, name)
        described = {"PolicyName": name, "PolicyDocument": encoded(document.text)}
        return {f"{kind.capitalize()}Name": holder.name, **described}

    async def delete_user_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._delete("user", call, request)

    async def delete_group_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._delete("group", call, request)

    async def delete_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self.changeable_role(call, request["RoleName"])
        return self._delete("role", call, request)

    def _delete(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        holder, name = self.holder(kind, call, request), request["PolicyName"]
        if holder.inline.pop(name, None) is None:
            raise errors.no_such_inline_policy(kind, name)
        self.account(call).changed()
        return {}

    async def list_user_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list("user", call, request)

    async def list_group_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list("group", call, request)

    async def list_role_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list("role", call, request)

    def _list(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        names = sorted(self.holder(kind, call, request).inline, key=str.lower)
        return page_of("PolicyNames", names, request, str, str)
