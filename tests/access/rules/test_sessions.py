"""What kinds of credentials may call, and how large a session's policies and tags may be."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules.access_keys import Session
from harness.access.rules.sessions import account_of_role, may_call, packed_percent, with_session_tags

Kind = Literal["assumed-role", "federated-user", "session-token"]

ROLE: Session = Session("assumed-role", "session")
FEDERATED: Session = Session("federated-user", "ann")
PLAIN, PROVED = Session("session-token"), Session("session-token", mfa_at=1.0)


@pytest.mark.parametrize(
    ("service", "operation", "may"),
    [
        # IAM user guide, "Compare AWS STS credentials": role, federated user, session token, the same with MFA
        ("iam", "ListUsers", (True, False, False, True)),
        ("sts", "GetCallerIdentity", (True, True, True, True)),
        ("sts", "AssumeRole", (True, False, True, True)),
        ("sts", "GetSessionToken", (False, False, False, False)),
        ("sts", "GetFederationToken", (False, False, False, False)),
        ("sts", "DecodeAuthorizationMessage", (True, False, False, False)),
        ("s3", "ListBuckets", (True, True, True, True)),
    ],
)
def test_what_each_kind_may_call(service: str, operation: str, may: tuple[bool, ...]) -> None:
    assert tuple(may_call(session, service, operation) for session in (ROLE, FEDERATED, PLAIN, PROVED)) == may
    assert may_call(None, service, operation)


@pytest.mark.parametrize(
    ("arn", "account"),
    [
        ("arn:aws:iam::123456789012:role/dogs", "123456789012"),
        ("arn:aws:iam::123456789012:role/a/b/dogs", "123456789012"),
        ("arn:aws:iam::12345678901:role/dogs", None),
        ("arn:aws:iam::123456789012:role/", None),
        ("arn:aws:iam::123456789012:user/dogs", None),
        ("arn:aws:sts::123456789012:assumed-role/dogs/session", None),
        ("arn:aws:iam::123456789012:role/dogs\n", None),
    ],
)
def test_the_account_of_a_role(arn: str, account: str | None) -> None:
    assert account_of_role(arn) == account


TAGS = st.dictionaries(st.text(st.characters(codec="ascii", categories=["L"]), min_size=1), st.text())


@given(own=TAGS, session=TAGS)
def test_session_tags_replace_the_principals_own_whatever_the_case(
    own: dict[str, str], session: dict[str, str]
) -> None:
    tags = with_session_tags(own, session)
    assert {key: tags[key] for key in session} == session
    kept = {key for key in own if key.lower() not in {key.lower() for key in session}}
    assert set(tags) == kept | set(session)


def test_the_packed_size_grows_with_what_is_packed() -> None:
    assert packed_percent("", (), {}) == 0
    sizes = [
        packed_percent("", (), {f"k{key}": f"value {key * 7919}" for key in range(count)}) for count in range(1, 50)
    ]
    assert sizes == sorted(sizes)
    assert 0 < sizes[0] < sizes[-1]
