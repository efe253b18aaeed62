"""The resource policy of a function: who else may call it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.functions import errors

_ACCOUNT = re.compile(r"\d{12}")
_PRINCIPAL_ARN = re.compile(r"arn:aws[a-z-]*:(?:iam|sts)::\d{12}:.+")
# Condition operator and key for each member of AddPermission's request, as AWS writes them (recorded answers).
_CONDITIONS = (
    ("SourceAccount", "StringEquals", "AWS:SourceAccount"),
    ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
    ("EventSourceToken", "StringEquals", "lambda:EventSourceToken"),
    ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
    ("SourceArn", "ArnLike", "AWS:SourceArn"),
    ("InvokedViaFunctionUrl", "Bool", "lambda:InvokedViaFunctionUrl"),
)
# The actions that an unsigned call of a function URL needs, each with the condition that may limit it to such calls.
_OPENING: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("lambda:InvokeFunctionUrl", {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}),
    ("lambda:InvokeFunction", {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
)


@dataclass(slots=True)
class ResourcePolicy:
    """The statements by id, in the order in which they were added."""

    statements: dict[str, dict[str, Any]] = field(default_factory=dict)

    def document(self) -> str:
        """The policy document in the answer of GetPolicy."""
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": list(self.statements.values())}
        return json.dumps(policy, separators=(",", ":"))

    def opens_url(self) -> bool:
        """Whether anyone may call the function URL without a signature.

        Since October 2025 this requires permission for both actions (Lambda guide, urls-auth).
        """
        return all(
            any(_opens(statement, action, conditions) for statement in self.statements.values())
            for action, conditions in _OPENING
        )


def statement(request: Mapping[str, Any], resource: str) -> dict[str, Any]:
    """Turn AddPermission's request into a statement. resource: the function's ARN. Raises AwsError."""
    permission: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": resource,
    }
    conditions: dict[str, dict[str, str]] = {}
    for member, operator, key in _CONDITIONS:
        if (value := request.get(member)) is not None:
            conditions.setdefault(operator, {})[key] = str(value).lower() if isinstance(value, bool) else value
    if conditions:
        permission["Condition"] = conditions
    return permission


def _opens(statement: Mapping[str, Any], action: str, conditions: Mapping[str, Any]) -> bool:
    return (
        statement["Principal"] == "*"
        and statement["Action"] in (action, "lambda:*", "*")
        and statement.get("Condition") in (None, conditions)
    )


def _principal(raw: str) -> str | dict[str, str]:
    if raw == "*":
        return raw
    if _ACCOUNT.fullmatch(raw):
        return {"AWS": f"arn:aws:iam::{raw}:root"}
    if _PRINCIPAL_ARN.fullmatch(raw):
        return {"AWS": raw}
    if raw.endswith((".amazonaws.com", ".amazon.com", ".alexa.com")):
        return {"Service": raw}
    raise errors.invalid("The provided principal was invalid. Please check the principal and try again.")
