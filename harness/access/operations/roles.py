"""Roles, their trust policies, tags and permissions boundaries. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import Role
from harness.access.operations.base import Operations, add_tags, new_tags, page_of_named, page_of_tags, remove_tags
from harness.access.operations.boundaries import boundary_policy, set_boundary
from harness.access.operations.descriptions import (
    boundary_of,
    describe_role,
    describe_role_briefly,
    describe_role_fully,
    tags_of,
)
from harness.access.operations.documents import trust_document
from harness.access.rules import identifiers
from harness.access.trusting import principal_changed, set_trust
from harness.core.calls import Call

Answer = dict[str, Any]


class RoleOperations(Operations):
    """CreateRole, GetRole, UpdateRole, DeleteRole, ListRoles; trust policy, tags and boundary of a role."""

    async def create_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["RoleName"]
        if account.roles.taken(name):
            raise errors.already_exists("role", name)
        document = trust_document(self.state, account.account_id, name, request["AssumeRolePolicyDocument"])
        tags, boundary = new_tags(request), boundary_policy(account, request.get("PermissionsBoundary"))
        limit = account.quotas.roles_per_account
        if len(account.roles) >= limit:
            raise errors.quota("RolesPerAccount", limit)
        new_id = account.new_id(identifiers.ROLE)
        role = Role(account.account_id, name, request.get("Path", "/"), new_id, account.now(), trust=document)
        role.description = request.get("Description", "")
        role.max_session = request.get("MaxSessionDuration", role.max_session)
        role.tags = tags
        account.add(role)
        set_trust(self.state, role, document)
        set_boundary(account, role, boundary)
        return {"Role": {**describe_role_briefly(role), **boundary_of(role), **tags_of(role)}}

    async def get_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return {"Role": describe_role_fully(self.role(call, request["RoleName"]))}

    async def list_roles(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_named("Roles", self.account(call).roles, request, describe_role)

    async def update_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """A role that AWS is linked to may get another description, but no other duration."""
        role = self.role(call, request["RoleName"])
        if role.service_linked_for and "MaxSessionDuration" in request:
            raise errors.protected_role(role.name)
        role.description = request.get("Description", role.description)
        role.max_session = request.get("MaxSessionDuration", role.max_session)
        return {}

    async def update_role_description(self, call: Call, request: Mapping[str, Any]) -> Answer:
        role = self.role(call, request["RoleName"])
        role.description = request["Description"]
        description = {"Description": role.description} if role.description else {}
        return {"Role": {**describe_role_briefly(role), **description}}

    async def update_assume_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, role = self.account(call), self.changeable_role(call, request["RoleName"])
        document = trust_document(self.state, account.account_id, role.name, request["PolicyDocument"])
        set_trust(self.state, role, document)
        account.changed()
        return {}

    async def delete_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        role = self.changeable_role(call, request["RoleName"])
        if role.attached:
            raise errors.delete_conflict("detach all policies")
        if role.inline:
            raise errors.delete_conflict("delete policies")
        if role.instance_profiles:
            raise errors.delete_conflict("remove roles from instance profile")
        self.remove_role(call, role)
        return {}

    def remove_role(self, call: Call, role: Role) -> None:
        account = self.account(call)
        set_boundary(account, role, None)
        set_trust(self.state, role, None)
        account.remove(role)
        principal_changed(self.state, role)

    async def tag_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self.role(call, request["RoleName"]).tags, request["Tags"])
        self.account(call).changed()
        return {}

    async def untag_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self.role(call, request["RoleName"]).tags, request["TagKeys"])
        self.account(call).changed()
        return {}

    async def list_role_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self.role(call, request["RoleName"]).tags, request)

    async def put_role_permissions_boundary(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, role = self.account(call), self.changeable_role(call, request["RoleName"])
        set_boundary(account, role, boundary_policy(account, request["PermissionsBoundary"]))
        return {}

    async def delete_role_permissions_boundary(self, call: Call, request: Mapping[str, Any]) -> Answer:
        role = self.changeable_role(call, request["RoleName"])
        if role.boundary is None:
            raise errors.no_boundary("role", role.name)
        set_boundary(self.account(call), role, None)
        return {}
