"""Managed policies, their versions and tags. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import ManagedPolicy, PolicyVersion
from harness.access.operations.base import (
    Operations,
    add_tags,
    new_tags,
    page_of_tags,
    page_starting,
    read_marker,
    remove_tags,
    tag_list,
)
from harness.access.operations.descriptions import describe_policy, describe_version, encoded, tags_of
from harness.access.operations.documents import managed_document
from harness.access.rules import identifiers, quotas
from harness.core.calls import Call

Answer = dict[str, Any]


class ManagedPolicyOperations(Operations):
    """CreatePolicy, GetPolicy, DeletePolicy, ListPolicies; versions and tags of a policy."""

    async def create_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, name, path = self.account(call), request["PolicyName"], request.get("Path", "/")
        if account.policies.taken(name):
            raise errors.policy_exists(name)
        arn = identifiers.arn(account.account_id, "policy", path, name)
        document, tags = managed_document(arn, request["PolicyDocument"]), new_tags(request)
        limit = account.quotas.policies_per_account
        if len(account.policies) >= limit:
            raise errors.quota("PoliciesPerAccount", limit)
        now = account.now()
        policy = ManagedPolicy(arn, name, path, account.new_id(identifiers.MANAGED_POLICY), now, now)
        policy.description, policy.tags = request.get("Description", ""), tags
        policy.versions[1] = PolicyVersion(1, document, now)
        account.policies.add(policy)
        return {"Policy": {**describe_policy(policy), **tags_of(policy)}}

    async def get_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy = self.policy(call, request["PolicyArn"])
        description = {"Description": policy.description} if policy.description else {}
        return {"Policy": {**describe_policy(policy), **description, "Tags": tag_list(policy.tags)}}

    async def list_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The account's own policies come first, then AWS's, each in the order of their names."""
        account, prefix, scope = self.account(call), request.get("PathPrefix", "/"), request.get("Scope", "All")
        usage = request.get("PolicyUsageFilter")
        owner, _, after = read_marker(request).partition("/")

        def fits(policy: ManagedPolicy) -> bool:
            if not policy.path.startswith(prefix):
                return False
            used = {"PermissionsPolicy": policy.attached_to, "PermissionsBoundary": policy.bounds}
            if usage is not None and not used[usage]:
                return False
            return not request.get("OnlyAttached") or bool(policy.attached_to)

        policies = _in_scope(account, scope, owner, after, only_used=bool(request.get("OnlyAttached") or usage))
        return page_starting("Policies", filter(fits, policies), request, describe_policy, _marker)

    async def delete_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy = self._own_policy(call, request)
        if policy.attached_to or policy.bounds:
            raise errors.conflict("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise errors.conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        account = self.account(call)
        account.policies.remove(policy.name)
        account.changed()
        return {}

    def _own_policy(self, call: Call, request: Mapping[str, Any]) -> ManagedPolicy:
        """The policy that a request is to change. Raises AwsError for one of AWS's."""
        policy = self.policy(call, request["PolicyArn"])
        if policy.aws_managed:
            raise errors.not_yours(call.operation, policy.arn, call.principal.arn)
        return policy

    # ---- versions

    async def create_policy_version(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy = self._own_policy(call, request)
        document = managed_document(policy.arn, request["PolicyDocument"])
        if len(policy.versions) >= quotas.VERSIONS_PER_POLICY:
            raise errors.too_many_versions()
        account = self.account(call)
        version = PolicyVersion(policy.next_version, document, account.now())
        policy.versions[version.number] = version
        policy.next_version += 1
        policy.updated = version.created
        if request.get("SetAsDefault"):
            policy.default_version = version.number
        account.changed()
        return {"PolicyVersion": describe_version(policy, version)}

    async def get_policy_version(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy, version = self._version(call, request)
        document = encoded(version.document.text)
        return {"PolicyVersion": {**describe_version(policy, version), "Document": document}}

    async def list_policy_versions(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The newest version comes first."""
        policy = self.policy(call, request["PolicyArn"])
        after = read_marker(request)
        versions = [
            version
            for number, version in sorted(policy.versions.items(), reverse=True)
            if not after or number < int(after)
        ]
        return page_starting(
            "Versions", versions, request, lambda version: describe_version(policy, version), lambda v: str(v.number)
        )

    async def set_default_policy_version(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy, version = self._version(call, request)
        if policy.aws_managed:
            raise errors.not_yours(call.operation, policy.arn, call.principal.arn)
        policy.default_version = version.number
        self.account(call).changed()
        return {}

    async def delete_policy_version(self, call: Call, request: Mapping[str, Any]) -> Answer:
        policy, version = self._version(call, request)
        if policy.aws_managed:
            raise errors.not_yours(call.operation, policy.arn, call.principal.arn)
        if version.number == policy.default_version:
            raise errors.conflict("Cannot delete the default version of a policy.")
        del policy.versions[version.number]
        return {}

    def _version(self, call: Call, request: Mapping[str, Any]) -> tuple[ManagedPolicy, PolicyVersion]:
        arn, version_id = request["PolicyArn"], request["VersionId"]
        policy = self.account(call).policy(arn)
        version = None
        if policy is not None:
            version = next((known for known in policy.versions.values() if known.version_id == version_id), None)
        if policy is None or version is None:
            raise errors.no_such_policy_version(arn, version_id)
        return policy, version

    # ---- tags

    async def tag_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        add_tags(self._own_policy(call, request).tags, request["Tags"])
        return {}

    async def untag_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        remove_tags(self._own_policy(call, request).tags, request["TagKeys"])
        return {}

    async def list_policy_tags(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return page_of_tags(self.policy(call, request["PolicyArn"]).tags, request)


def _marker(policy: ManagedPolicy) -> str:
    return f"{'aws' if policy.aws_managed else 'local'}/{policy.name}"


def _in_scope(account: Account, scope: str, owner: str, after: str, *, only_used: bool) -> Iterator[ManagedPolicy]:
    """The policies of a scope, from the one after a marker on. only_used: AWS's that nobody has used are left out."""
    if scope in ("All", "Local") and owner != "aws":
        yield from account.policies.after(after)
    if scope in ("All", "AWS"):
        yield from account.aws_managed_policies(after if owner == "aws" else "", only_used=only_used)
