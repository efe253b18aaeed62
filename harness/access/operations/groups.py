"""Groups and their members. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import Group
from harness.access.operations.base import Operations, page_of, page_of_named
from harness.access.operations.descriptions import describe_group, describe_user
from harness.access.rules import identifiers, quotas
from harness.core.calls import Call

Answer = dict[str, Any]


class GroupOperations(Operations):
    """CreateGroup, GetGroup, UpdateGroup, DeleteGroup, ListGroups; who is a member of which."""

    async def create_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["GroupName"]
        if account.groups.taken(name):
            raise errors.already_exists("group", name)
        limit = account.quotas.groups_per_account
        if len(account.groups) >= limit:
            raise errors.quota("GroupsPerAccount", limit)
        group = Group(
            account.account_id, name, request.get("Path", "/"), account.new_id(identifiers.GROUP), account.now()
        )
        account.add(group)
        return {"Group": describe_group(group)}

    async def get_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, group = self.account(call), self.group(call, request["GroupName"])
        members = (user for name in sorted(group.members, key=str.lower) if (user := account.users.get(name)))
        return {"Group": describe_group(group), **page_of("Users", members, request, describe_user)}

    async def list_groups(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_named("Groups", self.account(call).groups, request, describe_group)

    async def update_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, group = self.account(call), self.group(call, request["GroupName"])
        name = request.get("NewGroupName", group.name)
        if name.lower() != group.name.lower() and account.groups.taken(name):
            raise errors.already_exists("group", name)
        account.rename(group, name, request.get("NewPath", group.path))
        return {}

    async def delete_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        group = self.group(call, request["GroupName"])
        if group.attached:
            raise errors.delete_conflict("detach all policies")
        if group.inline:
            raise errors.delete_conflict("delete policies")
        if group.members:
            raise errors.delete_conflict("remove users from group")
        self.account(call).remove(group)
        return {}

    async def add_user_to_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user, group = self.user(call, request), self.group(call, request["GroupName"])
        if group.name not in user.groups and len(user.groups) >= quotas.GROUPS_PER_USER:
            raise errors.quota("GroupsPerUser", quotas.GROUPS_PER_USER)
        user.groups.add(group.name)
        group.members.add(user.name)
        self.account(call).changed()
        return {}

    async def remove_user_from_group(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """IAM says nothing if the user is no member."""
        user, group = self.user(call, request), self.group(call, request["GroupName"])
        user.groups.discard(group.name)
        group.members.discard(user.name)
        self.account(call).changed()
        return {}

    async def list_groups_for_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user = self.account(call), self.user(call, request)
        groups = (group for name in sorted(user.groups, key=str.lower) if (group := account.groups.get(name)))
        return page_of("Groups", groups, request, describe_group)
