"""Users, their tags and their permissions boundaries. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import User
from harness.access.operations.base import Operations, add_tags, new_tags, page_of_named, page_of_tags, remove_tags
from harness.access.operations.boundaries import boundary_policy, set_boundary
from harness.access.operations.descriptions import describe_user, describe_user_fully
from harness.access.rules import identifiers
from harness.access.trusting import principal_changed
from harness.core.calls import Call

Answer = dict[str, Any]


class UserOperations(Operations):
    """CreateUser, GetUser, UpdateUser, DeleteUser, ListUsers; tags and boundary of a user."""

    async def create_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["UserName"]
        if account.users.taken(name):
            raise errors.already_exists("user", name)
        tags, boundary = new_tags(request), boundary_policy(account, request.get("PermissionsBoundary"))
        limit = account.quotas.users_per_account
        if len(account.users) >= limit:
            raise errors.quota("UsersPerAccount", limit)
        user = User(account.account_id, name, request.get("Path", "/"), account.new_id(identifiers.USER), account.now())
        user.tags = tags
        account.add(user)
        set_boundary(account, user, boundary)
        return {"User": describe_user_fully(user)}

    async def get_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        if "UserName" not in request and call.principal.kind == "root":
            account = self.account(call)
            root = {"UserId": account.account_id, "Arn": account.root_arn, "CreateDate": account.created}
            return {"User": root}
        return {"User": describe_user_fully(self.user(call, request))}

    async def list_users(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_named("Users", self.account(call).users, request, describe_user)

    async def update_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user = self.account(call), self.user(call, request)
        name = request.get("NewUserName", user.name)
        if name.lower() != user.name.lower() and account.users.taken(name):
            raise errors.already_exists("user", name)
        account.rename(user, name, request.get("NewPath", user.path))
        principal_changed(self.state, user)
        return {}

    async def delete_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user = self.account(call), self.user(call, request)
        obstacle = next(_obstacles(account, user), None)
        if obstacle is not None:
            raise errors.delete_conflict(obstacle)
        set_boundary(account, user, None)
        account.remove(user)
        principal_changed(self.state, user)
        return {}

    async def tag_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self.user(call, request).tags, request["Tags"])
        self.account(call).changed()
        return {}

    async def untag_user(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self.user(call, request).tags, request["TagKeys"])
        self.account(call).changed()
        return {}

    async def list_user_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self.user(call, request).tags, request)

    async def put_user_permissions_boundary(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, user = self.account(call), self.user(call, request)
        set_boundary(account, user, boundary_policy(account, request["PermissionsBoundary"]))
        return {}

    async def delete_user_permissions_boundary(self, call: Call, request: Mapping[str, Any]) -> Answer:
        user = self.user(call, request)
        if user.boundary is None:
            # The words are unverified; the code is DeleteUserPermissionsBoundary's own (API reference).
            raise errors.no_boundary("user", user.name)
        set_boundary(self.account(call), user, None)
        return {}


def _obstacles(account: Account, user: User) -> Iterator[str]:
    """What has to be done before a user can be deleted, in IAM's words. Their order is unverified."""
    if user.attached:
        yield "detach all policies"
    if user.inline:
        yield "delete policies"
    if user.groups:
        yield "remove users from group"
    if user.login_profile is not None:
        yield "delete login profile"
    if user.access_keys:
        yield "delete access keys"
    if user.mfa_devices:
        yield "delete MFA device"
    if user.signing_certificates or user.ssh_keys or user.service_credentials:
        yield "remove referenced objects"
