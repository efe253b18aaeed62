"""How IAM's answers describe what exists. Which members an answer has follows answers recorded from AWS."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from harness.access.account import Account
from harness.access.identities import Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, User
from harness.access.operations.base import tag_list


def encoded(text: str) -> str:
    """A policy as answers have it: URL-encoded (RFC 3986)."""
    return quote(text, safe="")


def boundary_of(holder: User | Role) -> dict[str, Any]:
    if holder.boundary is None:
        return {}
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": holder.boundary.arn}
    return {"PermissionsBoundary": boundary}


def tags_of(item: User | Role | ManagedPolicy | InstanceProfile) -> dict[str, Any]:
    """The tags; nothing if there are none."""
    return {"Tags": tag_list(item.tags)} if item.tags else {}


def describe_user(user: User) -> dict[str, Any]:
    """As in lists, without boundary and tags."""
    description: dict[str, Any] = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.unique_id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }
    if user.password_last_used is not None:
        description["PasswordLastUsed"] = user.password_last_used
    return description


def describe_user_fully(user: User) -> dict[str, Any]:
    return {**describe_user(user), **boundary_of(user), **tags_of(user)}


def describe_group(group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.unique_id,
        "Arn": group.arn,
        "CreateDate": group.created,
    }


def describe_role_briefly(role: Role) -> dict[str, Any]:
    """As within an instance profile."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.unique_id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.trust.text),
    }


def describe_role(role: Role) -> dict[str, Any]:
    """As in lists, without boundary, tags and last use."""
    description = {**describe_role_briefly(role), "MaxSessionDuration": role.max_session}
    return {**description, "Description": role.description} if role.description else description


def describe_role_fully(role: Role) -> dict[str, Any]:
    used: dict[str, Any] = {}
    if role.last_used is not None:
        used = {"LastUsedDate": role.last_used, "Region": role.last_used_region}
    return {**describe_role(role), **boundary_of(role), **tags_of(role), "RoleLastUsed": used}


def describe_policy(policy: ManagedPolicy) -> dict[str, Any]:
    """As in lists, without description and tags."""
    return {
        "PolicyName": policy.name,
        "PolicyId": policy.unique_id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default_version}",
        "AttachmentCount": len(policy.attached_to),
        "PermissionsBoundaryUsageCount": len(policy.bounds),
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }


def describe_version(policy: ManagedPolicy, version: PolicyVersion) -> dict[str, Any]:
    """As in lists, without the document."""
    return {
        "VersionId": version.version_id,
        "IsDefaultVersion": version.number == policy.default_version,
        "CreateDate": version.created,
    }


def describe_instance_profile(account: Account, profile: InstanceProfile) -> dict[str, Any]:
    """As in lists, without tags."""
    role = account.roles.get(profile.role) if profile.role else None
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.unique_id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [] if role is None else [describe_role_briefly(role)],
    }
