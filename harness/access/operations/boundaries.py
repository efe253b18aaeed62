"""Permissions boundaries of users and roles, as requests give and take them."""

from __future__ import annotations

import re

from harness.access import errors
from harness.access.account import Account
from harness.access.identities import ManagedPolicy, Role, User

_POLICY_ARN = re.compile(r"arn:aws[a-z-]*:iam::(?:[0-9]{12}|aws):policy/.+")


def boundary_policy(account: Account, arn: str | None) -> ManagedPolicy | None:
    """The policy that a request names as a boundary; None if it names none. Raises AwsError if there is none such."""
    if arn is None:
        return None
    if not _POLICY_ARN.fullmatch(arn):
        raise errors.invalid_boundary(arn)
    policy = account.policy(arn)
    if policy is None:
        raise errors.no_such_boundary(arn)
    return policy


def set_boundary(account: Account, holder: User | Role, policy: ManagedPolicy | None) -> None:
    """Gives a user or role a boundary, or takes it away."""
    if holder.boundary is not None:
        holder.boundary.bounds.discard(holder.unique_id)
    holder.boundary = policy
    if policy is not None:
        policy.bounds.add(holder.unique_id)
    account.changed()
