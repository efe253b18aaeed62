"""Who is named in which trust policies.

IAM keeps a principal in a trust policy by its unique id and shows the ARN. So a renamed principal is still trusted, and
a deleted one is shown as its id, which nobody ever has again (IAM user guide, "AWS JSON policy elements: Principal").
"""

from __future__ import annotations

from harness.access.identities import Group, PolicyDocument, Role, User
from harness.access.rules.policy import parse_policy
from harness.access.rules.trust import aws_principals, with_principals
from harness.access.state import State


def holder_of(state: State, principal: str) -> User | Role | None:
    """The user or role with an ARN or a unique id, in any account; None if there is none."""
    if principal.startswith("arn:"):
        account = state.accounts.get(principal.split(":")[4]) if principal.count(":") >= 5 else None
        holder = account.by_arn(principal) if account is not None else None
    else:
        known = (account.by_id(principal) for account in state.accounts.values())
        holder = next((holder for holder in known if holder is not None), None)
    return None if isinstance(holder, Group) else holder


def set_trust(state: State, role: Role, document: PolicyDocument | None) -> None:
    """Gives a role its trust policy. None: the role is about to be deleted."""
    for unique_id in role.trusted:
        state.trusting[unique_id].discard(role)
        if not state.trusting[unique_id]:
            del state.trusting[unique_id]
    role.trusted.clear()
    if document is None:
        return
    role.trust = document
    for principal in aws_principals(document.text):
        holder = holder_of(state, principal)
        if holder is not None:
            role.trusted[holder.unique_id] = principal
            state.trusting.setdefault(holder.unique_id, set()).add(role)


def principal_changed(state: State, holder: User | Role) -> None:
    """Writes the trust policies that name a user or role anew, after it was renamed or deleted."""
    exists = state.account(holder.account_id).by_id(holder.unique_id) is not None
    name = holder.arn if exists else holder.unique_id
    for role in state.trusting.get(holder.unique_id, ()):
        text = with_principals(role.trust.text, {role.trusted[holder.unique_id]: name})
        role.trust = PolicyDocument(text, parse_policy(role.trust.policy.name, text, "trust"))
        role.trusted[holder.unique_id] = name
        if not exists:
            del role.trusted[holder.unique_id]
        state.account(role.account_id).changed()
    if not exists:
        state.trusting.pop(holder.unique_id, None)
