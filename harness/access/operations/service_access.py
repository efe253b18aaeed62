"""ListPoliciesGrantingServiceAccess. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import PolicyHolder, User
from harness.access.operations.base import Operations
from harness.access.rules.granted_services import grants_service
from harness.core.calls import Call

Answer = dict[str, Any]


class ServiceAccessOperations(Operations):
    """Which of an entity's policies allow any action of some services."""

    async def list_policies_granting_service_access(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """All services are in one page; AWS's pages are not documented."""
        account, arn = self.account(call), request["Arn"]
        holder = account.by_arn(arn)
        if holder is None:
            raise errors.no_such_entity(arn)
        holders: list[PolicyHolder] = [holder]
        if isinstance(holder, User):
            holders += [group for name in sorted(holder.groups) if (group := account.groups.get(name)) is not None]
        granting = []
        for namespace in request["ServiceNamespaces"]:
            policies = [policy for one in holders for policy in _granting(one, namespace)]
            granting.append({"ServiceNamespace": namespace, "Policies": policies})
        return {"PoliciesGrantingServiceAccess": granting, "IsTruncated": False}


def _granting(holder: PolicyHolder, namespace: str) -> Iterator[Answer]:
    for name, document in sorted(holder.inline.items()):
        if grants_service(document.policy, namespace):
            entity = {"EntityType": holder.kind.upper(), "EntityName": holder.name}
            yield {"PolicyName": name, "PolicyType": "INLINE", **entity}
    for policy in sorted(holder.attached.values(), key=lambda policy: policy.name.lower()):
        if grants_service(policy.default.document.policy, namespace):
            yield {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}
