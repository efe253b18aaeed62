import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.access.rules.trust import trusts
from harness.backend.client import Backend
from harness.core.errors import AwsError
from harness.functions import role
from harness.functions.role import RoleCredentials, RoleSession
from tests.functions.conftest import ACCOUNT, ROLE

NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


async def test_a_role_that_trusts_lambda_is_accepted(backend: Backend) -> None:
    await role.check(backend, ROLE, ACCOUNT)


@pytest.mark.parametrize("name", ["for-ec2", "no-such-role"])
async def test_a_role_that_lambda_cannot_assume_is_refused(backend: Backend, name: str) -> None:
    with pytest.raises(AwsError, match=NOT_ASSUMABLE) as caught:
        await role.check(backend, f"arn:aws:iam::{ACCOUNT}:role/{name}", ACCOUNT)
    assert (caught.value.code, caught.value.status) == ("InvalidParameterValueException", 400)


async def test_an_arn_that_is_not_a_roles_is_refused(backend: Backend) -> None:
    with pytest.raises(AwsError, match=NOT_ASSUMABLE):
        await role.check(backend, f"arn:aws:iam::{ACCOUNT}:user/somebody", ACCOUNT)


async def test_another_accounts_role_cannot_be_passed(backend: Backend) -> None:
    with pytest.raises(AwsError, match="Cross-account pass role is not allowed") as caught:
        await role.check(backend, "arn:aws:iam::999999999999:role/r", ACCOUNT)
    assert (caught.value.code, caught.value.status) == ("AccessDeniedException", 403)


@pytest.mark.parametrize(
    ("statement", "trusted"),
    [
        ({"Effect": "Allow", "Principal": {"Service": ["x", "lambda.amazonaws.com"]}, "Action": ["sts:*"]}, True),
        ({"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}, True),
        ({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:TagSession"}, False),
        ({"Effect": "Deny", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}, False),
        ({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "*"}, False),
    ],
)
def test_which_trust_policies_name_lambda(statement: dict[str, Any], trusted: bool) -> None:
    assert trusts({"Statement": statement}, role.LAMBDA_PRINCIPAL) is trusted
    assert trusts({"Statement": [statement]}, role.LAMBDA_PRINCIPAL) is trusted


async def test_the_session_is_named_after_the_function(backend: Backend) -> None:
    credentials = await role.assume(backend, ROLE, "dog")
    assert credentials.access_key.startswith("ASIA")
    assert credentials.last_for(60, datetime.now(UTC))
    # LoggedCall from AWS (LocalStack's snapshot of test_assume_role): STS would refuse a name of one character.
    assert role.session_name("d") == "d@lambda_function"


class Sts:
    """A backend that returns credentials with a given lifetime."""

    def __init__(self, lifetime: timedelta) -> None:
        self.lifetime = lifetime
        self.sessions: list[str] = []

    async def call(self, service: str, method: str, /, **parameters: Any) -> dict[str, Any]:
        assert (service, method) == ("sts", "assume_role")
        self.sessions.append(parameters["RoleSessionName"])
        await asyncio.sleep(0)
        number = str(len(self.sessions))
        expires = datetime.now(UTC) + self.lifetime
        keys = {"AccessKeyId": number, "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expires}
        return {"Credentials": keys}


@pytest.mark.parametrize(("lifetime", "fetched"), [(timedelta(hours=1), 1), (timedelta(seconds=62), 2)])
async def test_credentials_are_renewed_before_they_expire(lifetime: timedelta, fetched: int) -> None:
    sts = Sts(lifetime)
    session = RoleSession(sts, ROLE, "dog")  # type: ignore[arg-type]
    first = await session.credentials(3)
    assert isinstance(first, RoleCredentials)
    assert (await session.credentials(3)).access_key == str(fetched)
    assert sts.sessions == ["dog"] * fetched


async def test_simultaneous_cold_starts_fetch_credentials_once() -> None:
    sts = Sts(timedelta(hours=1))
    session = RoleSession(sts, ROLE, "dog")  # type: ignore[arg-type]
    all_credentials = await asyncio.gather(*(session.credentials(3) for _ in range(50)))
    assert {credentials.access_key for credentials in all_credentials} == {"1"}
