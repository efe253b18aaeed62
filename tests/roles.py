"""Roles in an account of a test's own, without a gateway."""

from __future__ import annotations

import json

from harness.access.identities import PolicyDocument, Role
from harness.access.rules import identifiers
from harness.access.rules.policy import parse_policy
from harness.access.service_roles import ServiceRoles
from harness.access.state import State


def trusting(service: str) -> str:
    """A trust policy that lets one service assume the role."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def service_roles(account_id: str, services: dict[str, str]) -> ServiceRoles:
    """The roles of an account. services: the service that each role trusts, by the role's name."""
    state = State(account_id)
    account = state.account(account_id)
    for name, service in services.items():
        text = trusting(service)
        trust = PolicyDocument(text, parse_policy(name, text, "trust"))
        new_id = account.new_id(identifiers.ROLE)
        account.add(
            Role(account_id=account_id, name=name, path="/", unique_id=new_id, created=account.now(), trust=trust)
        )
    return ServiceRoles(state)
