from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from harness.access.rules.trust import trusts
from harness.access.service_roles import RoleCredentials, ServiceRoles
from harness.core.errors import AwsError
from harness.functions import role
from harness.functions.role import RoleSession
from tests.functions.conftest import ACCOUNT, ROLE, known_roles

NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def test_a_role_that_trusts_lambda_is_accepted() -> None:
    role.check(known_roles(), ROLE, ACCOUNT)


@pytest.mark.parametrize("name", ["for-ec2", "no-such-role"])
def test_a_role_that_lambda_cannot_assume_is_refused(name: str) -> None:
    with pytest.raises(AwsError, match=NOT_ASSUMABLE) as caught:
        role.check(known_roles(), f"arn:aws:iam::{ACCOUNT}:role/{name}", ACCOUNT)
    assert (caught.value.code, caught.value.status) == ("InvalidParameterValueException", 400)


def test_an_arn_that_is_not_a_roles_is_refused() -> None:
    with pytest.raises(AwsError, match=NOT_ASSUMABLE):
        role.check(known_roles(), f"arn:aws:iam::{ACCOUNT}:user/somebody", ACCOUNT)


def test_another_accounts_role_cannot_be_passed() -> None:
    with pytest.raises(AwsError, match="Cross-account pass role is not allowed") as caught:
        role.check(known_roles(), "arn:aws:iam::999999999999:role/r", ACCOUNT)
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


def test_the_session_is_named_after_the_function() -> None:
    roles = known_roles()
    credentials = RoleSession(roles, ROLE, "dog").credentials(3)
    assert credentials.access_key.startswith("ASIA")
    assert credentials.last_for(3500, datetime.now(UTC))
    # Recorded from AWS (LocalStack's snapshot of test_assume_role): STS would refuse a name of one character.
    assert role.session_name("d") == "d@lambda_function"


class Roles(ServiceRoles):
    """Roles whose sessions last as long as a test says."""

    def __init__(self, lifetime: timedelta) -> None:
        self.lifetime = lifetime
        self.sessions: list[str] = []

    def assume(self, role_arn: str, service: str, session: str, seconds: float = 3600) -> RoleCredentials:
        assert (role_arn, service) == (ROLE, "lambda.amazonaws.com")
        self.sessions.append(session)
        return RoleCredentials(str(len(self.sessions)), "s", "t", datetime.now(UTC) + self.lifetime)


@pytest.mark.parametrize(("lifetime", "issued"), [(timedelta(hours=1), 1), (timedelta(seconds=62), 2)])
def test_credentials_are_renewed_before_they_expire(lifetime: timedelta, issued: int) -> None:
    roles = Roles(lifetime)
    session = RoleSession(roles, ROLE, "dog")
    session.credentials(3)
    assert session.credentials(3).access_key == str(issued)
    assert roles.sessions == ["dog"] * issued
