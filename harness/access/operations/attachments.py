"""Which managed policies are attached to users, groups and roles. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import Group, Role, User
from harness.access.operations.base import Kind, Operations, page_of, page_starting, read_marker
from harness.core.calls import Call

Answer = dict[str, Any]


def _place(holder: User | Group | Role) -> str:
    """What users, groups and roles are ordered by where they stand in one list."""
    return f"{holder.kind}/{holder.name}".lower()


class AttachmentOperations(Operations):
    """Attach, Detach and ListAttached of UserPolicy, GroupPolicy and RolePolicy; ListEntitiesForPolicy."""

    async def attach_user_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._attach("user", call, request)

    async def attach_group_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._attach("group", call, request)

    async def attach_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self.changeable_role(call, request["RoleName"])
        return self._attach("role", call, request)

    def _attach(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        account, holder, arn = self.account(call), self.holder(kind, call, request), request["PolicyArn"]
        if not arn.startswith("arn:"):
            raise errors.unparsable_arn()
        policy = account.policy(arn)
        if policy is None:
            raise errors.not_attachable(arn)
        limit = account.quotas.attachments(kind)
        if arn not in holder.attached and len(holder.attached) >= limit:
            raise errors.quota(f"PoliciesPer{kind.capitalize()}", limit)
        holder.attached[arn] = policy
        policy.attached_to.add(holder.unique_id)
        account.changed()
        return {}

    async def detach_user_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._detach("user", call, request)

    async def detach_group_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._detach("group", call, request)

    async def detach_role_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        self.changeable_role(call, request["RoleName"])
        return self._detach("role", call, request)

    def _detach(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        holder, arn = self.holder(kind, call, request), request["PolicyArn"]
        policy = holder.attached.pop(arn, None)
        if policy is None:
            raise errors.no_such_policy(arn)
        policy.attached_to.discard(holder.unique_id)
        self.account(call).changed()
        return {}

    async def list_attached_user_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list_attached("user", call, request)

    async def list_attached_group_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list_attached("group", call, request)

    async def list_attached_role_policies(self, call: Call, request: Mapping[str, Any]) -> Answer:
        return self._list_attached("role", call, request)

    def _list_attached(self, kind: Kind, call: Call, request: Mapping[str, Any]) -> Answer:
        prefix = request.get("PathPrefix", "/")
        policies = sorted(self.holder(kind, call, request).attached.values(), key=lambda policy: policy.name.lower())
        return page_of(
            "AttachedPolicies",
            [policy for policy in policies if policy.path.startswith(prefix)],
            request,
            lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
        )

    async def list_entities_for_policy(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """Who has a policy attached, or as a boundary. A page counts users, groups and roles together."""
        account, policy = self.account(call), self.policy(call, request["PolicyArn"])
        prefix, wanted = request.get("PathPrefix", "/"), request.get("EntityFilter")
        usage = request.get("PolicyUsageFilter")
        ids = set() if usage == "PermissionsBoundary" else set(policy.attached_to)
        ids |= set() if usage == "PermissionsPolicy" else policy.bounds
        holders = [holder for unique_id in ids if (holder := account.by_id(unique_id)) is not None]
        names = {"group": "Group", "user": "User", "role": "Role"}
        if wanted in ("User", "Group", "Role"):
            holders = [holder for holder in holders if names[holder.kind] == wanted]
        holders = [holder for holder in holders if holder.path.startswith(prefix)]
        after = read_marker(request).lower()
        holders = sorted((holder for holder in holders if _place(holder) > after), key=_place)
        page = page_starting("Entities", holders, request, lambda holder: holder, _place)
        answer: Answer = {f"Policy{name}s": [] for name in names.values()}
        for holder in page.pop("Entities"):
            name = names[holder.kind]
            answer[f"Policy{name}s"].append({f"{name}Name": holder.name, f"{name}Id": holder.unique_id})
        return {**answer, **page}
