"""What IAM says about documents that it refuses. The documents and sentences are facts of public test suites."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access import aws_managed
from harness.access.rules.document_checks import SYNTAX, identity_fault, trust_fault
from harness.access.rules.policy import parse_policy

LEGACY = "The policy failed legacy parsing"
VERSION = "Policy document must be version 2012-10-17 or greater."
NO_ACTIONS = "Policy statement must contain actions."
NO_RESOURCES = "Policy statement must contain resources."
NO_VENDOR = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
ONE_COLON = "Actions/Condition can contain only one colon."
NOT_UNIQUE = "Statement IDs (SID) in a single policy must be unique."
BUCKET = "arn:aws:s3:::dogs"
READ = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": BUCKET}


def without(element: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in {**READ, **more}.items() if name != element}


def resources(*names: str) -> dict[str, Any]:
    return {**READ, "Resource": list(names)}


def dated(date: Any, **more: Any) -> dict[str, Any]:
    return {**READ, **more, "Condition": {"DateGreaterThan": {"aws:CurrentTime": date}}}


def document(statements: Any, **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements, **more})


SYNTAX_FAULTS: list[Any] = [
    [],
    ["afd"],
    {**READ, "Extra": "value"},
    {**READ, "Effect": "invalid"},
    without("Effect"),
    {**READ, "Resource": {"a": BUCKET}},
    {**READ, "Resource": [BUCKET, {}]},
    {**READ, "Action": [[]]},
    {**READ, "Action": {}},
    {**READ, "NotResource": []},
    {**READ, "NotAction": []},
    {**READ, "Condition": []},
    {**READ, "Condition": "a"},
    {**READ, "Condition": {"a": "b"}},
    {**READ, "Condition": {"DateGreaterThan": []}},
    {**READ, "Condition": {"DateGreaterThan": {"a": {}}}},
    {**READ, "Condition": {"x": {"a": "1"}}},
    {**READ, "Condition": {"ForAnyValue::StringEqualsIfExists": {"a": "b"}}},
    {**READ, "Sid": {}},
    {**READ, "Sid": []},
    without("Action", Condition={"DateGreaterThan": {"a": {}}}),
]


@pytest.mark.parametrize("statements", SYNTAX_FAULTS)
def test_syntax_is_looked_at_first(statements: Any) -> None:
    assert identity_fault(document(statements), "managed") == SYNTAX
    assert identity_fault(json.dumps({"Statement": statements}), "managed") == SYNTAX


@pytest.mark.parametrize(
    "text",
    [
        "no JSON",
        "[]",
        "{}",
        '{"Version": "2012-10-17"}',
        document(READ, Version="2013-10-17"),
        document(READ, Extra=1),
        document(READ, Id={}),
        document(READ)[:-1] + ', "Version": "2012-10-17"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_policy_has_syntax_errors(text: str) -> None:
    assert identity_fault(text, "inline") == SYNTAX


def test_only_a_managed_policy_needs_the_newer_version() -> None:
    for more in ({}, {"Version": "2008-10-17"}):
        text = json.dumps({"Statement": READ, **more})
        assert identity_fault(text, "managed") == VERSION
        assert identity_fault(text, "inline") is None
    assert identity_fault(json.dumps({"Statement": dated("soon")}), "managed") == VERSION


LATER_FAULTS: list[tuple[Any, str]] = [
    ({**READ, "Effect": "denY"}, LEGACY),
    ([{**READ, "Sid": "a", "Effect": "aLLow"}, {"Sid": "a", "Effect": "Allow"}], LEGACY),
    (resources("arn:aws:s3::dogs"), LEGACY),
    (without("Action", Resource="arn:aws:s3::dogs"), LEGACY),
    (without("Resource", NotResource="arn:aws:s3::dogs"), LEGACY),
    (resources("arn:aws::dogs"), LEGACY),
    (resources("arn:aws::::dogs"), LEGACY),
    (dated("soon", Resource="arn:error:s3:::dogs"), LEGACY),
    ([{**READ, "Sid": "a"}, {"Sid": "a", "Effect": "Allow"}], NOT_UNIQUE),
    (without("Action"), NO_ACTIONS),
    ({"Effect": "Allow"}, NO_ACTIONS),
    ({**READ, "Action": []}, NO_ACTIONS),
    ([{"Effect": "Deny"}, READ], NO_ACTIONS),
    (resources("no ARN"), 'Resource no ARN must be in ARN format or "*".'),
    (resources(""), 'Resource  must be in ARN format or "*".'),
    ({**READ, "Action": "s:3:List", "Resource": "dogs"}, 'Resource dogs must be in ARN format or "*".'),
    (resources("a:dogs"), 'Partition "dogs" is not valid for resource "arn:dogs:*:*:*:*".'),
    (resources("a:b:c"), 'Partition "b" is not valid for resource "arn:b:c:*:*:*".'),
    (resources("a:b:c:d:e:f:g:h"), 'Partition "b" is not valid for resource "arn:b:c:d:e:f:g:h".'),
    (resources("aws:s3:::dogs"), 'Partition "s3" is not valid for resource "arn:s3:::dogs:*".'),
    (resources("arn:x:s3:::b", "arn:x:s3::b"), 'Partition "x" is not valid for resource "arn:x:s3:::b".'),
    (resources("arn:aws"), "Resource vendor must be fully qualified and cannot contain regexes."),
    (resources("arn:aws:*:::dogs"), "Resource vendor must be fully qualified and cannot contain regexes."),
    (resources("arn:aws:iam:us-east-1::x"), "IAM resource arn:aws:iam:us-east-1::x cannot contain region information."),
    (resources("arn:aws:s3:us-east-1::x"), "Resource arn:aws:s3:us-east-1::x can not contain region information."),
    ({**READ, "Action": "invalid"}, NO_VENDOR),
    (without("Resource", Action="invalid"), NO_VENDOR),
    (without("Action", NotAction=""), NO_VENDOR),
    ({**READ, "Action": "a a:ListBucket"}, "Vendor a a is not valid"),
    ({**READ, "Action": "s3:List:Bucket"}, ONE_COLON),
    (without("Resource"), NO_RESOURCES),
    (resources(), NO_RESOURCES),
    ({**READ, "Principal": "*"}, "Policy document should not specify a principal."),
]


@pytest.mark.parametrize(("statements", "sentence"), LATER_FAULTS)
def test_the_first_fault_is_told(statements: Any, sentence: str) -> None:
    assert identity_fault(document(statements), "managed") == sentence
    assert identity_fault(document(statements), "inline") == sentence


def test_an_iam_resource_is_everything_or_has_a_known_path() -> None:
    fault = identity_fault(document(resources("arn:aws:iam:::dogs")), "managed")
    assert fault is not None and fault.startswith('IAM resource path must either be "*" or start with user/, ')
    assert (
        identity_fault(document(resources("arn:aws:iam::123456789012:user/ann", "arn:aws:iam::*:*")), "inline") is None
    )


@pytest.mark.parametrize(
    "date",
    [
        "soon",
        "234-13",
        "2016-12-13t2:00:00.593194+1",
        "2016-12-13t2:00:00.1999999999+10:59",
        "9223372036854775808",
        "2026-02-32",
        "2026-11-28T24:00:00Z",
    ],
)
def test_a_date_that_cannot_be_parsed_is_refused(date: str) -> None:
    assert identity_fault(document(dated(date)), "managed") == LEGACY


@pytest.mark.parametrize(
    "date",
    ["2026", "2026-03", "2026-03-01", "2026-03-01T10:00Z", "2026-03-01T10:00:00.5+01:00", "9223372036854775807", "01T"],
)
def test_a_date_in_any_of_w3cs_forms_is_taken(date: str) -> None:
    assert identity_fault(document(dated(date)), "managed") is None
    assert identity_fault(document(dated([date, date])), "inline") is None


@pytest.mark.parametrize(
    ("operator", "value"),
    [("NumericEquals", "many"), ("IpAddress", "10.0.0.300"), ("NotIpAddress", "x"), ("Bool", "yes"), ("Null", "maybe")],
)
def test_a_value_that_its_operator_cannot_compare_is_refused(operator: str, value: str) -> None:
    def conditions(operator: str, value: str) -> str:
        return document({**READ, "Condition": {operator: {"aws:x": value}}})

    assert identity_fault(conditions(operator, value), "inline") == LEGACY
    assert identity_fault(conditions(operator, "${aws:PrincipalTag/x}"), "inline") is None


TRUST = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("no JSON", "This policy contains invalid Json"),
        (document([]), "Could not parse the policy: Statement is empty!"),
        (document(TRUST, _comment="x"), "Unknown field _comment"),
        (document(TRUST, Version="2013-10-17"), "The policy must contain a valid version string"),
        ('{"Version": "2012-10-17"}', "Missing required field Statement"),
        (document({**TRUST, "Effect": "allow"}), "Invalid effect: allow"),
        (document([{**TRUST, "Sid": "a"}] * 2), "The Statement Ids in the policy are not unique"),
        (document({**TRUST, "Principal": "*"}), "Principal must be a JSON object."),
        (document({**TRUST, "Principal": {}}), "Missing required field Principal cannot be empty!"),
        (document({**TRUST, "Principal": {"AWS": []}}), "Missing required field Principal cannot be empty!"),
        (document({**TRUST, "Principal": {"Group": "x"}}), 'Invalid principal in policy: "Group"'),
        (document({**TRUST, "NotPrincipal": {"AWS": "*"}}), "Allow with NotPrincipal is not allowed."),
        (document({**TRUST, "Resource": "*"}), "Has prohibited field Resource"),
        (document({**TRUST, "NotResource": "*"}), "AssumeRole policy must not contain resources."),
        *(
            (document({**TRUST, "Action": action}), "AssumeRole policy may only specify STS AssumeRole actions.")
            for action in ("s3:GetObject", "*", ["sts:AssumeRole", "iam:PassRole"], "sts:GetCallerIdentity")
        ),
        *(
            (
                document({key: value for key, value in TRUST.items() if key != element}),
                f"Missing required field {element}",
            )
            for element in ("Effect", "Principal", "Action")
        ),
        (document({**TRUST, "Condition": {"Foo": {"a": "b"}}}), "Syntax error in policy."),
    ],
)
def test_a_trust_policys_faults(text: str, sentence: str) -> None:
    assert trust_fault(text) == sentence


@pytest.mark.parametrize("action", ["sts:AssumeRole", "sts:*", "sts:Assume*", ["STS:AssumeRole", "sts:TagSession"]])
def test_a_trust_policy_takes_what_lets_somebody_assume_the_role(action: Any) -> None:
    assert trust_fault(document({**TRUST, "Action": action})) is None


def test_awss_own_policies_are_taken() -> None:
    """Every fifth of AWS's managed policies, which are of all kinds."""
    for arn in aws_managed.arns()[::5]:
        policy = aws_managed.read(arn)
        assert policy is not None
        assert identity_fault(policy.default.document.text, "managed") is None, arn


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([BUCKET, "*", "s3:Get*"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Version", "Statement", "Effect", "Action", "Resource", "Condition", "Principal", "Sid", "x"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(
    st.fixed_dictionaries(
        {"Effect": st.sampled_from(["Allow", "Deny", "x"])},
        optional=dict.fromkeys(("Action", "Resource", "Condition", "Sid", "NotAction", "Principal"), json_values),
    )
    | json_values
)
def test_any_document_is_taken_or_refused_in_a_sentence_and_what_is_taken_compiles(statements: Any) -> None:
    text = document(statements)
    fault = identity_fault(text, "managed")
    if fault is None:
        parse_policy("p", text)
    else:
        assert fault
    if trust_fault(text) is None:
        parse_policy("p", text, "trust")
