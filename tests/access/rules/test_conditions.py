"""Every condition operator in all its forms. Source: IAM user guide, "Condition operators"."""

from __future__ import annotations

from typing import Any

import pytest

from harness.access.rules.conditions import _OPERATORS, parse_conditions
from harness.access.rules.policy import MalformedPolicy
from tests.access.policies import policy, statement

ARN = "arn:aws:sns:us-east-1:123456789012:topic/x"


def holds(operator: str, wanted: Any, *values: str, key: str = "aws:k", **more: str) -> bool:
    context = {"aws:k": values, **{name: (value,) for name, value in more.items()}} if values or more else {}
    (condition,) = parse_conditions("p", {operator: {key: wanted}}, variables=True)
    return condition.holds(context)


@pytest.mark.parametrize(
    ("operator", "wanted", "fitting", "misfit"),
    [
        ("StringEquals", "a", "a", "A"),
        ("StringEquals", "a*", "a*", "ab"),  # no wildcards here
        ("StringEqualsIgnoreCase", "Straße", "STRASSE", "x"),
        ("StringLike", "a*c?", "abbcd", "Abbcd"),
        ("NumericEquals", 5, "5.0", "6"),
        ("NumericLessThan", "5", "4.9", "5"),
        ("NumericLessThanEquals", "5", "5", "5.1"),
        ("NumericGreaterThan", "5", "5.1", "5"),
        ("NumericGreaterThanEquals", "5", "5", "4"),
        ("DateEquals", "2026-01-01T00:00:00Z", "1767225600", "1767225601"),  # epoch seconds are dates
        ("DateLessThan", "2026-01-01", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z"),
        ("DateLessThanEquals", "2026-01-01T00:00:00+01:00", "2025-12-31T23:00:00Z", "2026-01-01T00:00:00Z"),
        ("DateGreaterThan", "1767225600", "2026-01-01T00:00:01Z", "2026-01-01T00:00:00Z"),
        ("DateGreaterThanEquals", "2026-01-01", "2026-01-01", "2025-12-31"),
        ("Bool", True, "true", "false"),
        ("Bool", "FALSE", "false", "true"),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", "qmluYXJ5"),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", "11.1.2.3"),
        ("IpAddress", "0.0.0.0/0", "203.0.113.9", "2001:db8::1"),  # every IPv4 address, and no other
        ("IpAddress", "2001:db8::/32", "2001:db8::1", "2001:db9::1"),
        ("IpAddress", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("ArnEquals", "arn:aws:sns:*:*:topic/*", ARN, "arn:aws:sqs:us-east-1:123456789012:topic/x"),
        ("ArnLike", ARN, ARN, ARN + "y"),
        ("ArnLike", "*", ARN, "x"),
    ],
)
def test_each_operator(operator: str, wanted: Any, fitting: str, misfit: str) -> None:
    assert holds(operator, wanted, fitting)
    assert not holds(operator, wanted, misfit)


def test_half_an_arn_in_a_condition_fits_none() -> None:
    assert not holds("ArnLike", "arn:aws:sns:*", ARN)


NEGATED = {
    "StringNotEquals": ("a", "a", "b"),
    "StringNotEqualsIgnoreCase": ("a", "A", "b"),
    "StringNotLike": ("a*", "ab", "b"),
    "NumericNotEquals": ("5", "5", "6"),
    "DateNotEquals": ("2026-01-01", "2026-01-01", "2026-01-02"),
    "NotIpAddress": ("10.0.0.0/8", "10.0.0.1", "11.0.0.1"),
    "ArnNotEquals": ("arn:aws:sns:*:*:topic/x", ARN, ARN + "y"),
    "ArnNotLike": (ARN, ARN, ARN + "y"),
}


@pytest.mark.parametrize("operator", NEGATED)
def test_each_negated_operator(operator: str) -> None:
    wanted, same, different = NEGATED[operator]
    assert not holds(operator, wanted, same)
    assert holds(operator, wanted, different)
    assert holds(operator, wanted)  # a missing key differs


def test_a_negated_operators_key_differs_from_all_values() -> None:
    assert not holds("StringNotEquals", ["a", "b"], "b")
    assert holds("StringNotEquals", ["a", "b"], "c")


def test_several_keys_and_several_operators_are_all_required() -> None:
    block = {"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Bool": {"aws:c": "true"}}
    conditions = parse_conditions("p", block, variables=True)
    whole = {"aws:a": ("1",), "aws:b": ("2",), "aws:c": ("true",)}
    assert all(condition.holds(whole) for condition in conditions)
    for missing in whole:
        assert not all(condition.holds({k: v for k, v in whole.items() if k != missing}) for condition in conditions)


class TestMissingKeys:
    @pytest.mark.parametrize(
        ("operator", "verdict"),
        [
            ("StringEquals", False),
            ("StringNotEquals", True),
            ("StringEqualsIfExists", True),
            ("StringNotEqualsIfExists", True),
            ("ForAllValues:StringEquals", True),
            ("ForAllValues:StringNotEquals", True),
            ("ForAnyValue:StringEquals", False),
            ("ForAnyValue:StringNotEquals", False),
            ("ForAnyValue:StringEqualsIfExists", True),
        ],
    )
    def test_by_operator(self, operator: str, verdict: bool) -> None:
        assert holds(operator, "a") is verdict

    def test_null_tests_whether_the_key_is_there(self) -> None:
        assert holds("Null", "true")
        assert not holds("Null", True, "a")
        assert holds("Null", "false", "a")
        assert not holds("Null", ["false"])

    def test_if_exists_still_compares_what_exists(self) -> None:
        assert not holds("StringEqualsIfExists", "a", "b")


class TestSeveralValuesInTheRequest:
    def test_for_all_values(self) -> None:
        assert holds("ForAllValues:StringEquals", ["a", "b"], "a", "b")
        assert not holds("ForAllValues:StringEquals", ["a", "b"], "a", "c")
        assert holds("ForAllValues:StringNotEquals", ["a"], "b", "c")
        assert not holds("ForAllValues:StringNotEquals", ["a"], "b", "a")

    def test_for_any_value(self) -> None:
        assert holds("ForAnyValue:StringEquals", ["a"], "b", "a")
        assert not holds("ForAnyValue:StringEquals", ["a"], "b", "c")
        assert holds("ForAnyValue:StringNotEquals", ["a"], "a", "b")
        assert not holds("ForAnyValue:StringNotEquals", ["a"], "a")


def test_names_of_operators_and_keys_ignore_case() -> None:
    assert holds("stringequals", "a", "a", key="AWS:K")
    assert holds("forAnyValue:STRINGLIKEifexists", "a*", "ab")


@pytest.mark.parametrize("value", ["", "x", "٣", "1e999", "9" * 400, "nan", "2026-99-99", "fe80::1%eth0", "::/0"])
@pytest.mark.parametrize("operator", _OPERATORS)
def test_a_value_of_the_wrong_kind_fits_nothing_and_breaks_nothing(operator: str, value: str) -> None:
    if operator not in ("null",) and not operator.startswith(("string", "binary")):
        negated = "not" in operator
        assert holds(operator, "the policy's value", value) is negated


def test_a_value_may_be_a_variable() -> None:
    own = "StringEquals", "${aws:PrincipalTag/team}", "red"
    assert holds(*own, **{"aws:principaltag/team": "red"})
    assert not holds(*own, **{"aws:principaltag/team": "blue"})


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ([], "must be an object of operators"),
        ({"StringEquals": "x"}, "must be an object of condition keys"),
        ({"StringIs": {"k": "v"}}, "no condition operator 'StringIs'"),
        ({"NullIfExists": {"k": "true"}}, "no condition operator 'NullIfExists'"),
        ({"StringEquals": {"k": {"v": 1}}}, "must be strings, numbers or booleans"),
        ({"StringEquals": {"k": [None]}}, "must be strings, numbers or booleans"),
    ],
)
def test_a_malformed_block_is_refused_with_its_place(block: Any, sentence: str) -> None:
    with pytest.raises(MalformedPolicy, match=sentence) as found:
        policy(statement(Condition=block))
    assert str(found.value).startswith("policy p, Statement[0]")
