"""Instance profiles and the role of each. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import InstanceProfile
from harness.access.operations.base import (
    Operations,
    add_tags,
    new_tags,
    page_of,
    page_of_named,
    page_of_tags,
    remove_tags,
    tag_list,
)
from harness.access.operations.descriptions import describe_instance_profile, tags_of
from harness.access.rules import identifiers, quotas
from harness.core.calls import Call

Answer = dict[str, Any]


class InstanceProfileOperations(Operations):
    """CreateInstanceProfile, GetInstanceProfile, DeleteInstanceProfile, lists; the role in it; tags."""

    async def create_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name = self.account(call), request["InstanceProfileName"]
        if account.instance_profiles.taken(name):
            raise errors.already_exists("instance-profile", name)
        tags = new_tags(request)
        limit = account.quotas.instance_profiles_per_account
        if len(account.instance_profiles) >= limit:
            raise errors.quota("InstanceProfilesPerAccount", limit)
        new_id = account.new_id(identifiers.INSTANCE_PROFILE)
        profile = InstanceProfile(account.account_id, name, request.get("Path", "/"), new_id, account.now())
        profile.tags = tags
        account.instance_profiles.add(profile)
        return {"InstanceProfile": {**describe_instance_profile(account, profile), **tags_of(profile)}}

    async def get_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        profile = self._profile(call, request)
        described = describe_instance_profile(self.account(call), profile)
        return {"InstanceProfile": {**described, "Tags": tag_list(profile.tags)}}

    async def list_instance_profiles(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account = self.account(call)
        profiles = account.instance_profiles
        return page_of_named(
            "InstanceProfiles", profiles, request, lambda profile: describe_instance_profile(account, profile)
        )

    async def list_instance_profiles_for_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, role = self.account(call), self.role(call, request["RoleName"])
        names = sorted(role.instance_profiles, key=str.lower)
        profiles = [profile for name in names if (profile := account.instance_profiles.get(name))]
        return page_of(
            "InstanceProfiles", profiles, request, lambda profile: describe_instance_profile(account, profile)
        )

    async def delete_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        profile = self._profile(call, request)
        if profile.role:
            raise errors.delete_conflict("remove roles from instance profile")
        self.account(call).instance_profiles.remove(profile.name)
        return {}

    async def add_role_to_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The caller hands the role to EC2, and needs iam:PassRole."""
        profile, role = self._profile(call, request), self.changeable_role(call, request["RoleName"])
        if profile.role:
            limit = quotas.INSTANCE_SESSIONS_PER_INSTANCE_PROFILE
            raise errors.quota("InstanceSessionsPerInstanceProfile", limit)
        await call.require(("iam:PassRole",), role.arn, {"iam:passedtoservice": ("ec2.amazonaws.com",)})
        profile.role = role.name
        role.instance_profiles.add(profile.name)
        return {}

    async def remove_role_from_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        profile, role = self._profile(call, request), self.changeable_role(call, request["RoleName"])
        if profile.role != role.name:
            raise errors.role_not_in_profile(role.name, profile.name)
        profile.role = ""
        role.instance_profiles.discard(profile.name)
        return {}

    async def tag_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._profile(call, request).tags, request["Tags"])
        return {}

    async def untag_instance_profile(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._profile(call, request).tags, request["TagKeys"])
        return {}

    async def list_instance_profile_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self._profile(call, request).tags, request)

    def _profile(self, call: Call, request: Mapping[str, Any]) -> InstanceProfile:
        name = request["InstanceProfileName"]
        profile = self.account(call).instance_profiles.get(name)
        if profile is None:
            raise errors.no_such("instance-profile", name)
        return profile
