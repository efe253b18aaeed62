"""The roles that services assume: Lambda for a function, SageMaker for a model.

Services of AWS assume a role by its trust policy alone. They need no permission of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

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

    def last_for(self, seconds: float, now: datetime) -> bool:
        """Whether they stay valid for more than this many seconds."""
        return now + timedelta(seconds=seconds) < self.expires


_ONE_HOUR = 3600.0


class ServiceRoles:
    """Roles as the services of AWS see them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def can_assume(self, role_arn: str, service: str) -> bool:
        """Whether the role exists and trusts the service (``lambda.amazonaws.com``)."""
        role = self._role(role_arn)
        return role is not None and trusts(role.trust.policy, service)

    def assume(self, role_arn: str, service: str, session: str, seconds: float = _ONE_HOUR) -> RoleCredentials | None:
        """New credentials of a session of the role; None if the role does not exist or does not trust the service."""
        role = self._role(role_arn)
        return None if role is None or not trusts(role.trust.policy, service) else self._issue(role, session, seconds)

    def impersonate(self, role_arn: str, session: str) -> RoleCredentials | None:
        """New credentials of a session of the role, whomever the role trusts; None if the role does not exist.

        For tests that act as a role which only a service can assume. AWS has nothing like it.
        """
        role = self._role(role_arn)
        return None if role is None else self._issue(role, session, _ONE_HOUR)

    def _issue(self, role: Role, session: str, seconds: float) -> RoleCredentials:
        kind = Session("assumed-role", session)
        key = self._state.issue_temporary(role.account_id, role.unique_id, kind, seconds)
        expires = datetime.fromtimestamp(key.expires or 0, UTC)
        return RoleCredentials(key.key_id, key.secret, key.token, expires)

    def _role(self, arn: str) -> Role | None:
        parts = arn.split(":")
        account = self._state.accounts.get(parts[4]) if len(parts) == 6 else None
        role = account.by_arn(arn) if account is not None else None
        return role if isinstance(role, Role) else None
