"""The roles that services assume: Lambda for a function, SageMaker for a model.

Services of AWS assume a role by its trust policy alone. They need no permission of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.access.identities import Role
from harness.access.rules.access_keys import Session
from harness.access.rules.trust import trusts
from harness.access.state import State


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """Temporary credentials of a role session. expires: wall-clock time."""

    access_key: str
    secret_key: str
    session_token: str
    expires: datetime


class ServiceRoles:
    """Roles as the services of AWS see them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def can_assume(self, role_arn: str, service: str) -> bool:
        """Whether the role exists and trusts the service (``lambda.amazonaws.com``)."""
        role = self._role(role_arn)
        return role is not None and trusts(role.trust.policy, service)

    def assume(self, role_arn: str, service: str, session: str, seconds: float = 3600) -> RoleCredentials | None:
        """New credentials of a session of the role; None if the role does not exist or does not trust the service."""
        role = self._role(role_arn)
        if role is None or not trusts(role.trust.policy, service):
            return None
        kind = Session("assumed-role", session)
        key = self._state.issue_temporary(role.account_id, role.unique_id, kind, seconds)
        expires = datetime.fromtimestamp(key.expires or 0, UTC)
        return RoleCredentials(key.key_id, key.secret, key.token, expires)

    def _role(self, arn: str) -> Role | None:
        parts = arn.split(":")
        account = self._state.accounts.get(parts[4]) if len(parts) == 6 else None
        role = account.by_arn(arn) if account is not None else None
        return role if isinstance(role, Role) else None
