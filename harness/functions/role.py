"""The role of a function: whether Lambda can assume it, and the temporary credentials of its environments."""

from __future__ import annotations

from datetime import UTC, datetime

from harness.access.service_roles import RoleCredentials, ServiceRoles
from harness.functions import errors

LAMBDA_PRINCIPAL = "lambda.amazonaws.com"
SHORTEST_SESSION_NAME = 2  # botocore, AssumeRole
RENEWAL_SECONDS = 60.0  # ours: time that a request may need beyond the function's timeout


def session_name(function: str) -> str:
    """Name of the role session: the function's name, which Lambda lengthens if STS would refuse it as too short."""
    return function if len(function) >= SHORTEST_SESSION_NAME else f"{function}@lambda_function"


def check(roles: ServiceRoles, role_arn: str, account: str) -> None:
    """Raise AwsError unless the role exists in the account and trusts Lambda."""
    parts = role_arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise errors.invalid(errors.ROLE_NOT_ASSUMABLE)
    if parts[4] != account:
        raise errors.cross_account_role()
    if not roles.can_assume(role_arn, LAMBDA_PRINCIPAL):
        raise errors.invalid(errors.ROLE_NOT_ASSUMABLE)


class RoleSession:
    """The credentials of one function: issued when first needed and renewed before they expire."""

    def __init__(self, roles: ServiceRoles, role_arn: str, function: str) -> None:
        self._roles = roles
        self._role_arn = role_arn
        self._function = function
        self._credentials: RoleCredentials | None = None

    def credentials(self, seconds: float) -> RoleCredentials:
        """Credentials that stay valid for this many seconds. Raises AwsError if the role cannot be assumed."""
        if self._credentials is None or not self._credentials.last_for(seconds + RENEWAL_SECONDS, datetime.now(UTC)):
            name = session_name(self._function)
            self._credentials = self._roles.assume(self._role_arn, LAMBDA_PRINCIPAL, name)
            if self._credentials is None:
                raise errors.invalid(errors.ROLE_NOT_ASSUMABLE)
        return self._credentials
