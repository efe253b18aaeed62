"""Statements and policies in short, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access.rules.evaluation import AccessRequest, Decision, Policies, evaluate
from harness.access.rules.policy import Attachment, Policy, parse_policy
from harness.access.rules.principals import Caller, session_caller

ACCOUNT, OTHER = "123456789012", "999999999999"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs"
INVOKE = "sagemaker:InvokeEndpoint"
USER = Caller(f"arn:aws:iam::{ACCOUNT}:user/ann", ACCOUNT, "user")
SESSION = session_caller(f"arn:aws:sts::{ACCOUNT}:assumed-role/dogs/dogs")
ROOT = Caller(f"arn:aws:iam::{ACCOUNT}:root", ACCOUNT, "root")
LAMBDA = Caller("lambda.amazonaws.com", "", "service")


def statement(effect: str = "Allow", action: Any = INVOKE, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def trust(principal: Any, effect: str = "Allow", action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Principal": principal, **more}


def policy(*statements: dict[str, Any], use: Attachment = "identity", version: str = "2012-10-17") -> Policy:
    return parse_policy("p", {"Version": version, "Statement": list(statements)}, use)


def on_resource(*statements: dict[str, Any]) -> Policy:
    return policy(*statements, use="resource")


def decide(
    policies: Policies | Policy | dict[str, Any],
    action: str = INVOKE,
    resource: str | None = ENDPOINT,
    *,
    caller: Caller = USER,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> Decision:
    if isinstance(policies, dict):
        policies = policy(policies)
    if isinstance(policies, Policy):
        policies = Policies(identity=(policies,))
    return evaluate(AccessRequest(caller, action, resource, context or {}), policies)


def allowed(*arguments: Any, **named: Any) -> bool:
    return decide(*arguments, **named).allowed
