"""Policies against actions and resources. Source: IAM user guide, "Policy evaluation logic"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.evaluation import Policy, allows_somewhere, denial, evaluate, parse_policy
from harness.access.wildcards import matches

ENDPOINT = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/dogs"


def policy(*statements: dict[str, Any]) -> Policy:
    return parse_policy("p", {"Version": "2012-10-17", "Statement": list(statements)})


def statement(
    effect: str = "Allow", action: Any = "sagemaker:InvokeEndpoint", resource: Any = "*", **more: Any
) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def allowed(*policies: Policy, action: str = "sagemaker:InvokeEndpoint", resource: str = ENDPOINT) -> bool:
    return evaluate(policies, action, resource).allowed


def test_nothing_is_allowed_without_a_statement() -> None:
    assert not allowed()
    assert not allowed(policy(statement(action="s3:GetObject")))


def test_an_allow_on_the_resource() -> None:
    assert allowed(policy(statement(resource=ENDPOINT)))
    assert not allowed(policy(statement(resource=ENDPOINT + "-2")))


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    allow, deny = policy(statement()), policy(statement("Deny"))
    assert not allowed(allow, deny)
    assert not allowed(deny, allow)
    assert not allowed(policy(statement(), statement("Deny")))


def test_actions_ignore_case_and_resources_do_not() -> None:
    assert allowed(policy(statement(action="SageMaker:invokeendpoint")))
    assert not allowed(policy(statement(resource=ENDPOINT.replace("dogs", "Dogs"))))


def test_not_action_and_not_resource() -> None:
    others = policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})
    assert allowed(others)
    assert not allowed(others, action="iam:CreateUser", resource="*")
    elsewhere = policy({"Effect": "Allow", "Action": "*", "NotResource": ENDPOINT})
    assert not allowed(elsewhere)
    assert allowed(elsewhere, resource=ENDPOINT + "-2")


def test_a_condition_never_allows_and_always_denies() -> None:
    """Taken at its safest until conditions are evaluated."""
    condition = {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}
    assert not allowed(policy(statement(Condition=condition)))
    assert not allowed(policy(statement(), statement("Deny", Condition=condition)))


def test_the_decision_says_why() -> None:
    decision = evaluate([policy(statement("Deny", Sid="No"))], "sagemaker:InvokeEndpoint", ENDPOINT)
    assert decision.statement is not None
    assert decision.statement.sid == "No"
    assert "with an explicit deny in an identity-based policy: p" in denial("me", "a:B", ENDPOINT, decision)
    implicit = evaluate([], "a:B", ENDPOINT)
    assert denial("me", "a:B", "r", implicit) == (
        "User: me is not authorized to perform: a:B on resource: r "
        "because no identity-based policy allows the a:B action"
    )


def test_an_action_allowed_on_some_resource() -> None:
    assert allows_somewhere([policy(statement(resource=ENDPOINT))], "sagemaker:InvokeEndpoint")
    assert not allows_somewhere([policy(statement()), policy(statement("Deny"))], "sagemaker:InvokeEndpoint")
    assert allows_somewhere([policy(statement(), statement("Deny", resource=ENDPOINT))], "sagemaker:InvokeEndpoint")


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("{", "policy p is not valid JSON"),
        ("[]", "policy p must be an object with a Statement"),
        ("{}", "policy p must be an object with a Statement"),
        ({"Statement": "x"}, "Statement must be an object or a list"),
        ({"Statement": ["x"]}, r"Statement\[0\] must be an object"),
        ({"Statement": {"Effect": "Perhaps"}}, "Effect must be Allow or Deny, not 'Perhaps'"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "must have either Action or NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "*"}}, "must have either Resource or NotResource"),
        ({"Statement": {"Effect": "Allow", "Action": 5, "Resource": "*"}}, "must be strings"),
    ],
)
def test_a_malformed_document_is_refused_with_its_place(document: Any, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        parse_policy("p", document)


class TestWildcards:
    @pytest.mark.parametrize(
        ("pattern", "text", "fits"),
        [
            ("*", "", True),
            ("a*c", "abbbc", True),
            ("a*c", "abbb", False),
            ("a?c", "abc", True),
            ("a?c", "ac", False),
            ("*b*", "abc", True),
            ("endpoint/*", "endpoint/a/b:c", True),
            ("[ab]", "a", False),
            ("", "a", False),
        ],
    )
    def test_star_and_question_mark(self, pattern: str, text: str, fits: bool) -> None:
        assert matches(pattern, text) is fits

    def test_a_thousand_stars_cost_bounded_time(self) -> None:
        assert not matches("*a" * 1000 + "b", "a" * 10_000)

    @given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
    def test_as_a_regular_expression_would(self, pattern: str, text: str) -> None:
        import re

        expected = "".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
        assert matches(pattern, text) == bool(re.fullmatch(expected, text))


_STATEMENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Effect": st.sampled_from(["Allow", "Deny"]),
            "Action": st.sampled_from(["*", "s3:*", "s3:GetObject", "iam:*"]),
            "Resource": st.sampled_from(["*", "a", "b*"]),
        }
    ),
    max_size=5,
)


@given(_STATEMENTS, _STATEMENTS, st.sampled_from(["s3:GetObject", "iam:PassRole"]), st.sampled_from(["a", "b", "bc"]))
def test_an_allow_never_takes_access_and_a_deny_never_gives_it(
    statements: list[dict[str, Any]], more: list[dict[str, Any]], action: str, resource: str
) -> None:
    before = allowed(policy(*statements), action=action, resource=resource)
    allows = [one for one in more if one["Effect"] == "Allow"]
    denies = [one for one in more if one["Effect"] == "Deny"]
    assert allowed(policy(*statements, *allows), action=action, resource=resource) >= before
    assert allowed(policy(*statements, *denies), action=action, resource=resource) <= before


def test_a_document_as_json_text() -> None:
    assert allowed(parse_policy("p", json.dumps({"Statement": statement()})))
