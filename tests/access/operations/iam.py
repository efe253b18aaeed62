"""Documents, names and refusals in short, for the tests of IAM's operations."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support import ACCOUNT

READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
AWS_MANAGED = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements or (READ,))})


def trust(principal: Any = None, action: Any = "sts:AssumeRole", **more: Any) -> str:
    principal = principal or {"Service": "lambda.amazonaws.com"}
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def arn(kind: str, name: str, path: str = "/") -> str:
    return f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}"


def refused(call: Any, **members: Any) -> tuple[str, str]:
    """The code and sentence with which a call is refused."""
    with pytest.raises(ClientError) as raised:
        call(**members)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def refused_code(call: Any, **members: Any) -> str:
    return refused(call, **members)[0]
