"""Explanations of refusals: the statements about the action, and what each lacks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.access.rules.evaluation import AccessRequest, Policies, evaluate
from harness.access.rules.explanation import explanation
from tests.access.policies import ACCOUNT, ENDPOINT, INVOKE, LAMBDA, USER, on_resource, policy, statement, trust


def explained(
    policies: Policies, resource: str | None = ENDPOINT, context: Mapping[str, tuple[str, ...]] | None = None
) -> list[str]:
    request = AccessRequest(USER, INVOKE, resource, context or {})
    return explanation(request, policies, evaluate(request, policies)).splitlines()


def identity(*statements: dict[str, Any]) -> Policies:
    return Policies(identity=(policy(*statements),))


def test_the_statement_that_decided_is_quoted() -> None:
    first, second = explained(identity(statement("Deny", Sid="No"), statement()))
    assert first == (f"{INVOKE} on {ENDPOINT} by {USER.arn}: denied by the identity-based policy p, Statement[0] (No).")
    assert second == f'  {{"Effect": "Deny", "Action": "{INVOKE}", "Resource": "*", "Sid": "No"}}'


def test_no_statement_speaks_of_the_action() -> None:
    assert explained(identity(statement(action="s3:*")))[1:] == [
        "  No statement of theirs allows the action on anything."
    ]


def test_a_statement_on_another_resource() -> None:
    cats = ENDPOINT.replace("dogs", "cats")
    assert explained(identity(statement(resource=cats)))[1:] == [f"  p, Statement[0] allows it on {cats}."]
    spared = {"Effect": "Allow", "Action": INVOKE, "NotResource": ENDPOINT}
    assert explained(identity(spared))[1:] == [f"  p, Statement[0] allows it on all but {ENDPOINT}."]


def test_a_condition_that_does_not_hold_and_what_the_request_has() -> None:
    conditions = {"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:RequestedRegion": ["eu-west-1"]}}
    policies, https = identity(statement(Condition=conditions)), {"aws:securetransport": ("true",)}
    assert explained(policies, context=https)[1:] == [
        '  p, Statement[0] allows it where StringEquals aws:RequestedRegion ["eu-west-1"]; '
        "the request has no aws:requestedregion."
    ]
    (line,) = explained(policies, context={**https, "aws:requestedregion": ("us-east-1",)})[1:]
    assert line.endswith('; aws:requestedregion is "us-east-1".')


def test_a_boundarys_statements_are_listed_if_the_boundary_does_not_allow_it() -> None:
    policies = Policies(identity=(policy(statement()),), boundary=policy(statement(resource="arn:aws:s3:::b")))
    assert explained(policies)[1:] == ["  p, Statement[0] allows it on arn:aws:s3:::b."]


def test_a_grant_to_others_and_one_that_leaves_it_to_the_account() -> None:
    request = AccessRequest(LAMBDA, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/r")
    policies = Policies(resource=policy(trust({"Service": "sagemaker.amazonaws.com"}), use="trust"), trust=True)
    assert explanation(request, policies, evaluate(request, policies)).endswith(
        'p, Statement[0] allows it to others: {"Service": "sagemaker.amazonaws.com"}.'
    )
    account = Policies(resource=on_resource(statement(Principal={"AWS": ACCOUNT})))
    assert explained(account)[1:] == ["  No statement of theirs allows the action on anything."]


def test_many_statements_are_counted() -> None:
    many = identity(*(statement(resource=f"arn:aws:s3:::b{index}") for index in range(9)))
    assert len(explained(many)) == 7
    assert explained(many)[-1] == "  and 4 more that allow the action, but not this."
