"""Roles that are linked to a service: only AWS changes them. Source: IAM API reference."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from harness.access import errors
from harness.access.identities import Role
from harness.access.operations.descriptions import describe_role_briefly
from harness.access.operations.documents import trust_document
from harness.access.operations.roles import RoleOperations
from harness.access.rules import identifiers
from harness.access.rules.service_linked_roles import path_of, role_of, takes_suffix
from harness.access.trusting import set_trust
from harness.core.calls import Call

Answer = dict[str, Any]


class ServiceLinkedRoleOperations(RoleOperations):
    """CreateServiceLinkedRole, DeleteServiceLinkedRole, GetServiceLinkedRoleDeletionStatus."""

    async def create_service_linked_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        account, service, suffix = self.account(call), request["AWSServiceName"], request.get("CustomSuffix")
        known = role_of(service)
        if known is None:
            raise errors.no_service_linked_role(service)
        if suffix is not None and not takes_suffix(service):
            raise errors.invalid_input(f"Custom suffix is not allowed for {service}")
        name = known[0] if suffix is None else f"{known[0]}_{suffix}"
        if account.roles.taken(name):
            raise errors.invalid_input(
                f"Service role name {name} has been taken in this account, please try a different suffix."
            )
        limit = account.quotas.roles_per_account
        if len(account.roles) >= limit:
            raise errors.quota("RolesPerAccount", limit)
        statement = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": service}}
        text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        document = trust_document(self.state, account.account_id, name, text)
        new_id = account.new_id(identifiers.ROLE)
        role = Role(account.account_id, name, path_of(service), new_id, account.now(), trust=document)
        role.description, role.service_linked_for = request.get("Description", ""), service
        account.add(role)
        set_trust(self.state, role, document)
        policy = account.policy(known[1])
        if policy is not None:
            role.attached[policy.arn] = policy
            policy.attached_to.add(role.unique_id)
        return {"Role": describe_role_briefly(role)}

    async def delete_service_linked_role(self, call: Call, request: Mapping[str, Any]) -> Answer:
        """The role is deleted at once; AWS asks the service first whether the role is still in use."""
        role = self.role(call, request["RoleName"])
        if not role.service_linked_for:
            # The words are unverified.
            raise errors.invalid_input(f"The role with name {role.name} is not a service-linked role.")
        for policy in role.attached.values():
            policy.attached_to.discard(role.unique_id)
        self.remove_role(call, role)
        task = f"task/aws-service-role/{role.service_linked_for}/{role.name}/{uuid.uuid4()}"
        self.account(call).role_deletions.add(task)
        return {"DeletionTaskId": task}

    async def get_service_linked_role_deletion_status(self, call: Call, request: Mapping[str, Any]) -> Answer:
        task = request["DeletionTaskId"]
        if task not in self.account(call).role_deletions:
            # The words are unverified.
            raise errors.no_such_in_words(f"The deletion task {task} cannot be found.")
        return {"Status": "SUCCEEDED"}
