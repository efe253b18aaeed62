"""ListPoliciesGrantingServiceAccess. Source: IAM API reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import PolicyHolder, User
from harness.access.operations.base import Operations
from harness.access.rules.policy import Policy
from harness.access.rules.wildcards import glob
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
        if _grants(document.policy, namespace):
            entity = {"EntityType": holder.kind.upper(), "EntityName": holder.name}
            yield {"PolicyName": name, "PolicyType": "INLINE", **entity}
    for policy in sorted(holder.attached.values(), key=lambda policy: policy.name.lower()):
        if _grants(policy.default.document.policy, namespace):
            yield {"PolicyName": policy.name, "PolicyType": "MANAGED", "PolicyArn": policy.arn}


def _grants(policy: Policy, namespace: str) -> bool:
    """Whether a policy allows any action of a service. Resources and conditions do not count here."""
    prefix = f"{namespace.lower()}:"
    return any(
        statement.effect == "Allow"
        and (
            statement.not_actions
            or any(action.startswith(prefix) for action in statement.actions)
            or any(glob(pattern.partition(":")[0], namespace.lower()) for pattern in statement.patterns)
        )
        for statement in policy.statements
    )
