"""The role of a function: whether Lambda can assume it, and the temporary credentials of its environments."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from botocore.exceptions import ClientError

from harness.access.trust import can_assume
from harness.backend.client import Backend
from harness.functions import errors

LAMBDA_PRINCIPAL = "lambda.amazonaws.com"
SHORTEST_SESSION_NAME = 2  # botocore, AssumeRole
RENEWAL_MARGIN = timedelta(minutes=1)  # ours: time that a request may need beyond the function's timeout


@dataclass(frozen=True, slots=True)
class RoleCredentials:
    """Temporary credentials of a role session. expires: wall-clock time, which the backend uses too."""

    access_key: str
    secret_key: str
    session_token: str
    expires: datetime

    def last_for(self, seconds: float, now: datetime) -> bool:
        """Whether they stay valid for this many seconds plus a margin."""
        return now + timedelta(seconds=seconds) + RENEWAL_MARGIN < self.expires


def session_name(function: str) -> str:
    """Name of the role session: the function's name, which Lambda lengthens if STS would refuse it as too short."""
    return function if len(function) >= SHORTEST_SESSION_NAME else f"{function}@lambda_function"


async def check(backend: Backend, role_arn: str, account: str) -> None:
    """Raise AwsError unless the role exists in the account and trusts Lambda."""
    parts = role_arn.split(":")
    if len(parts) != 6 or not parts[5].startswith("role/"):
        raise errors.invalid(errors.ROLE_NOT_ASSUMABLE)
    if parts[4] != account:
        raise errors.cross_account_role()
    if not await can_assume(backend, role_arn, LAMBDA_PRINCIPAL):
        raise errors.invalid(errors.ROLE_NOT_ASSUMABLE)


async def assume(backend: Backend, role_arn: str, function: str) -> RoleCredentials:
    """Get new credentials for a role session of the function. Raises AwsError if the role cannot be assumed."""
    try:
        answer = await backend.call("sts", "assume_role", RoleArn=role_arn, RoleSessionName=session_name(function))
    except ClientError as error:
        raise errors.invalid(errors.ROLE_NOT_ASSUMABLE) from error
    keys = answer["Credentials"]
    return RoleCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], keys["Expiration"])


class RoleSession:
    """The credentials of one function: fetched when first needed and renewed before they expire."""

    def __init__(self, backend: Backend, role_arn: str, function: str) -> None:
        self._backend = backend
        self._role_arn = role_arn
        self._function = function
        self._credentials: RoleCredentials | None = None
        self._renewing = asyncio.Lock()  # fifty simultaneous cold starts call STS only once

    async def credentials(self, seconds: float) -> RoleCredentials:
        """Credentials that stay valid for this many seconds. Raises AwsError if the role cannot be assumed."""
        async with self._renewing:
            if self._credentials is None or not self._credentials.last_for(seconds, datetime.now(UTC)):
                self._credentials = await assume(self._backend, self._role_arn, self._function)
            return self._credentials
