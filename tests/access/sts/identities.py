"""Users, roles and their keys, made in the state of a running local AWS, for tests of STS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.access.account import Account
from harness.access.identities import PolicyDocument, Role, User
from harness.access.rules import identifiers
from harness.access.rules.policy import Attachment, parse_policy
from tests.support import ACCOUNT, Aws, unique

OTHER_ACCOUNT = "210987654321"
HOME_ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(*actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def trust(principal: Any, *actions: str, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": list(actions or ("sts:AssumeRole",)), **more}


def policy(body: dict[str, Any], attachment: Attachment = "identity") -> PolicyDocument:
    text = json.dumps(body)
    return PolicyDocument(text, parse_policy("inline", text, attachment))


@dataclass(frozen=True)
class Credentials:
    key: str
    secret: str
    token: str | None = None


@dataclass(frozen=True)
class Identities:
    """aws: a running local AWS."""

    aws: Aws

    def account(self, account_id: str = ACCOUNT) -> Account:
        return self.aws.local.access.state.account(account_id)

    def user(self, *statements: dict[str, Any], account: str = ACCOUNT, **more: Any) -> User:
        """A new user with these statements in an inline policy."""
        known, name = self.account(account), unique("user")
        user = User(account, name, "/", known.new_id(identifiers.USER), known.now(), **more)
        if statements:
            user.inline["inline"] = policy(document(*statements))
        known.add(user)
        return user

    def role(
        self, *trusted: dict[str, Any], allowed: tuple[dict[str, Any], ...] = (), account: str = ACCOUNT, **more: Any
    ) -> Role:
        """A new role that trusts by these statements, and may do what those in ``allowed`` allow."""
        known, name = self.account(account), more.pop("name", unique("role"))
        role = Role(
            account_id=account,
            name=name,
            path=more.pop("path", "/"),
            unique_id=known.new_id(identifiers.ROLE),
            created=known.now(),
            trust=policy(document(*trusted), "trust"),
            **more,
        )
        if allowed:
            role.inline["inline"] = policy(document(*allowed))
        known.add(role)
        return role

    def key(self, user: User) -> Credentials:
        key = self.aws.local.access.state.issue_long_term(user.account_id, user.unique_id)
        return Credentials(key.key_id, key.secret)

    def root_key(self, account: str = ACCOUNT) -> Credentials:
        key = self.aws.local.access.state.issue_long_term(account, "")
        return Credentials(key.key_id, key.secret)

    def client(self, service: str, credentials: Credentials | User | None = None) -> Any:
        """A boto3 client with credentials, those of a user, or the well-known key."""
        if isinstance(credentials, User):
            credentials = self.key(credentials)
        if credentials is None:
            return self.aws.client(service)
        return self.aws.client(service, credentials.key, credentials.secret, credentials.token)

    def assume(self, role: Role, caller: Credentials | User | None = None, **request: Any) -> Credentials:
        return of(self.client("sts", caller).assume_role(RoleArn=role.arn, RoleSessionName="session", **request))


def of(answer: dict[str, Any]) -> Credentials:
    """The credentials of an answer of STS."""
    found = answer["Credentials"]
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def refused(call: Any, *arguments: Any, **members: Any) -> tuple[str, str]:
    """Code and message of the refusal."""
    with pytest.raises(ClientError) as raised:
        call(*arguments, **members)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]
