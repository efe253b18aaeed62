"""GetAccountAuthorizationDetails and GetAccountSummary. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import Group, ManagedPolicy, PolicyHolder, Role, User
from harness.access.operations.base import Operations, page_starting, read_marker, tag_list
from harness.access.operations.descriptions import (
    boundary_of,
    describe_group,
    describe_instance_profile,
    describe_policy,
    describe_role_briefly,
    describe_user,
    describe_version,
    encoded,
)
from harness.access.rules import quotas
from harness.core.calls import Call

Answer = dict[str, Any]

# The kinds that Filter names, in the order in which they are listed, with the member of the answer. The order is
# unverified.
_MEMBERS = {
    "User": "UserDetailList",
    "Group": "GroupDetailList",
    "Role": "RoleDetailList",
    "LocalManagedPolicy": "Policies",
    "AWSManagedPolicy": "Policies",
}
# The quota of all versions in use (IAM API reference, the example of GetAccountSummary).
_POLICY_VERSIONS_IN_USE = 10_000


class AccountDetailOperations(Operations):
    """GetAccountAuthorizationDetails, GetAccountSummary."""

    async def get_account_authorization_details(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Everybody and every policy in use, with all relationships. A page counts all kinds together."""
        account, filters = self.account(call), request.get("Filter") or tuple(_MEMBERS)
        begin, _, after = read_marker(request).partition("/")
        if begin and begin not in _MEMBERS:
            raise errors.bad_marker()

        def items() -> Iterator[tuple[str, Any]]:
            reached = not begin
            for kind in _MEMBERS:
                reached = reached or kind == begin
                if reached and kind in filters:
                    yield from ((kind, item) for item in _items(account, kind, after if kind == begin else ""))

        page = page_starting("Items", items(), request, lambda item: item, lambda item: f"{item[0]}/{item[1].name}")
        answer: Answer = {member: [] for member in _MEMBERS.values()}
        for kind, item in page.pop("Items"):
            answer[_MEMBERS[kind]].append(_DESCRIBE[kind](account, item))
        return {**answer, **page}

    async def get_account_summary(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account = self.account(call)
        limits = account.quotas
        devices = account.mfa_devices.values()
        summary = {
            "Users": len(account.users),
            "UsersQuota": limits.users_per_account,
            "Groups": len(account.groups),
            "GroupsQuota": limits.groups_per_account,
            "Roles": len(account.roles),
            "RolesQuota": limits.roles_per_account,
            "Policies": len(account.policies),
            "PoliciesQuota": limits.policies_per_account,
            "InstanceProfiles": len(account.instance_profiles),
            "InstanceProfilesQuota": limits.instance_profiles_per_account,
            "ServerCertificates": len(account.server_certificates),
            "ServerCertificatesQuota": limits.server_certificates_per_account,
            "Providers": len(account.oidc_providers) + len(account.saml_providers),
            "MFADevices": len(account.mfa_devices),
            "MFADevicesInUse": sum(bool(device.user) for device in devices),
            # One version of each policy in use, the default: how AWS counts is unverified.
            "PolicyVersionsInUse": sum(_used(policy) for kind in _POLICY_KINDS for policy in _items(account, kind, "")),
            "PolicyVersionsInUseQuota": _POLICY_VERSIONS_IN_USE,
            "AccountAccessKeysPresent": int(bool(account.root_access_keys)),
            # The root of an account of the harness has neither a password, nor certificates, nor an MFA device.
            "AccountMFAEnabled": 0,
            "AccountPasswordPresent": 0,
            "AccountSigningCertificatesPresent": 0,
            "GlobalEndpointTokenVersion": 1,  # AWS's default; SetSecurityTokenServicePreferences is refused
            "AccessKeysPerUserQuota": quotas.ACCESS_KEYS_PER_USER,
            "AssumeRolePolicySizeQuota": limits.acl_size_per_role,
            "AttachedPoliciesPerGroupQuota": limits.policies_per_group,
            "AttachedPoliciesPerRoleQuota": limits.policies_per_role,
            "AttachedPoliciesPerUserQuota": limits.policies_per_user,
            "GroupPolicySizeQuota": quotas.INLINE_POLICY_CHARACTERS["group"],
            "GroupsPerUserQuota": quotas.GROUPS_PER_USER,
            "PolicySizeQuota": quotas.POLICY_CHARACTERS,
            "RolePolicySizeQuota": quotas.INLINE_POLICY_CHARACTERS["role"],
            "SigningCertificatesPerUserQuota": quotas.CERTIFICATES_PER_USER,
            "UserPolicySizeQuota": quotas.INLINE_POLICY_CHARACTERS["user"],
            "VersionsPerPolicyQuota": quotas.VERSIONS_PER_POLICY,
        }
        return {"SummaryMap": summary}


_POLICY_KINDS = ("LocalManagedPolicy", "AWSManagedPolicy")


def _used(policy: ManagedPolicy) -> bool:
    return bool(policy.attached_to or policy.bounds)


def _items(account: Account, kind: str, after: str) -> Iterator[Any]:
    """What exists of a kind, in the order of names. Of AWS's policies those in use: that AWS does so is unverified."""
    if kind == "AWSManagedPolicy":
        return (policy for policy in account.aws_managed_policies(after, only_used=True) if _used(policy))
    named = {
        "User": account.users,
        "Group": account.groups,
        "Role": account.roles,
        "LocalManagedPolicy": account.policies,
    }
    return named[kind].after(after)  # type: ignore[attr-defined,no-any-return]


def _attached(holder: PolicyHolder) -> list[Answer]:
    policies = sorted(holder.attached.values(), key=lambda policy: policy.name.lower())
    return [{"PolicyName": policy.name, "PolicyArn": policy.arn} for policy in policies]


def _inline(holder: PolicyHolder) -> list[Answer]:
    return [
        {"PolicyName": name, "PolicyDocument": encoded(document.text)}
        for name, document in sorted(holder.inline.items(), key=lambda item: item[0].lower())
    ]


def _user(account: Account, user: User) -> Answer:
    description = describe_user(user)
    description.pop("PasswordLastUsed", None)
    inline = _inline(user)
    return {
        **description,
        **({"UserPolicyList": inline} if inline else {}),
        "GroupList": sorted(user.groups, key=str.lower),
        "AttachedManagedPolicies": _attached(user),
        **boundary_of(user),
        "Tags": tag_list(user.tags),
    }


def _group(account: Account, group: Group) -> Answer:
    return {**describe_group(group), "GroupPolicyList": _inline(group), "AttachedManagedPolicies": _attached(group)}


def _role(account: Account, role: Role) -> Answer:
    profiles = (account.instance_profiles.get(name) for name in sorted(role.instance_profiles))
    used: Answer = {}
    if role.last_used is not None:
        used = {"LastUsedDate": role.last_used, "Region": role.last_used_region}
    return {
        **describe_role_briefly(role),
        "InstanceProfileList": [describe_instance_profile(account, profile) for profile in profiles if profile],
        "RolePolicyList": _inline(role),
        "AttachedManagedPolicies": _attached(role),
        **boundary_of(role),
        "Tags": tag_list(role.tags),
        "RoleLastUsed": used,
    }


def _policy(account: Account, policy: ManagedPolicy) -> Answer:
    versions = [
        {"Document": encoded(version.document.text), **describe_version(policy, version)}
        for version in reversed(policy.versions.values())
    ]
    description = {"Description": policy.description} if policy.description else {}
    return {**describe_policy(policy), **description, "PolicyVersionList": versions}


_DESCRIBE: Mapping[str, Callable[[Account, Any], Answer]] = {
    "User": _user,
    "Group": _group,
    "Role": _role,
    "LocalManagedPolicy": _policy,
    "AWSManagedPolicy": _policy,
}
