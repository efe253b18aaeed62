"""Policy documents that IAM takes, and those that it refuses. Source: IAM user guide, policy grammar."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from harness.access.rules.policy import Attachment, MalformedPolicy, parse_policy
from tests.access.policies import allowed, policy, statement, trust


def test_a_document_as_text_and_as_an_object() -> None:
    document = {"Version": "2012-10-17", "Id": "x", "Statement": statement()}
    assert allowed(parse_policy("p", json.dumps(document)))
    assert allowed(parse_policy("p", document))


def test_the_same_text_is_compiled_once() -> None:
    text = json.dumps({"Statement": statement()})
    assert parse_policy("p", text) is parse_policy("p", text)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ('{\n "Statement": [}', "policy p is not valid JSON at line 2 column 16"),
        ("[" * 200_000, "nested too deeply"),
        ('{"Version": 1, "Version": 2}', "not valid JSON: the key 'Version' is there twice"),
        ('{"Statement": NaN}', "not valid JSON: NaN is not a value"),
        ("[]", "policy p must be an object with a Statement"),
        ("{}", "policy p must be an object with a Statement"),
        ({"Statement": "x"}, "Statement must be an object or a list"),
        ({"Statement": statement(), "Versoin": "2012-10-17"}, "'Versoin' is not an element of a policy"),
        ({"Statement": statement(), "Version": "2020-01-01"}, "Version must be 2012-10-17 or 2008-10-17"),
        ({"Statement": ["x"]}, r"Statement\[0\] must be an object"),
        ({"Statement": [statement(), {"Effect": "Perhaps"}]}, r"Statement\[1\]: Effect must be Allow or Deny"),
        ({"Statement": {**statement(), "Actoin": "*"}}, "'Actoin' is not an element of a statement"),
        ({"Statement": {"Effect": "Allow", "Resource": "*"}}, "must have either Action or NotAction"),
        ({"Statement": {**statement(), "NotAction": "*"}}, "must have either Action or NotAction"),
        ({"Statement": {"Effect": "Allow", "Action": "*"}}, "must have either Resource or NotResource"),
        ({"Statement": statement(action=5)}, "Action must be a string or a list of strings"),
        ({"Statement": statement(action=[])}, "Action must be a string or a list of strings"),
        ({"Statement": statement(action="GetObject")}, "must be like s3:GetObject"),
        ({"Statement": statement(action="s*:GetObject")}, "must be like s3:GetObject"),
        ({"Statement": statement(resource="bucket/*")}, "must be an ARN"),
        ({"Statement": statement(Sid="a b")}, "Sid must be letters and digits"),
        ({"Statement": [statement(Sid="A"), statement(Sid="A")]}, r"Statement\[1\]: Sid 'A' is there twice"),
        ({"Statement": statement(Principal="*")}, "an identity policy has no Principal"),
    ],
)
def test_a_malformed_identity_policy(document: Any, sentence: str) -> None:
    with pytest.raises(MalformedPolicy, match=sentence) as raised:
        parse_policy("p", document)
    assert str(raised.value).startswith("policy p")


@pytest.mark.parametrize(
    ("use", "item", "sentence"),
    [
        ("resource", statement(), "either Principal or NotPrincipal"),
        ("resource", statement(NotPrincipal="*"), "Allow with NotPrincipal is not supported"),
        ("resource", statement(Principal="ann"), "Principal must be"),
        ("resource", statement(Principal={}), "Principal must be"),
        ("resource", statement(Principal={"Person": "ann"}), "'Person' is not one of"),
        ("resource", statement(Principal={"AWS": "arn:aws:iam::1:user/*"}), "has a wildcard"),
        ("resource", statement(Principal={"AWS": "user/ann"}), "neither an ARN nor an account"),
        ("trust", trust({"AWS": "ann"}), "'ann' is neither an ARN nor an account"),
        ("resource", statement(Principal={"AWS": 5}), "principals must be strings"),
        ("trust", statement(Principal="*"), "a trust policy has no Resource"),
    ],
)
def test_a_malformed_resource_or_trust_policy(use: Attachment, item: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MalformedPolicy, match=sentence):
        policy(item, use=use)


def test_a_trust_policy_needs_no_resource_and_a_bucket_policy_may_have_any_sid() -> None:
    assert policy(trust({"Service": "lambda.amazonaws.com"}), use="trust").statements[0].resources == ()
    assert policy(statement(Principal="*", Sid="a b"), use="resource").statements[0].sid == "a b"


@pytest.mark.unmeasured
def test_ten_megabytes_cost_time_in_proportion() -> None:
    """Ten times the size of a policy takes about ten times the time, and IAM takes 131,072 characters at most."""
    body = json.dumps(statement(resource=[f"arn:aws:s3:::bucket/{index}/*" for index in range(100)]))
    seconds = []
    for count in (400, 4000):
        text = '{"Version": "2012-10-17", "Statement": [' + ",".join([body] * count) + "]}"
        begun = time.process_time()
        assert allowed(parse_policy("p", text), resource="arn:aws:s3:::other/x") is False
        seconds.append(time.process_time() - begun)
    assert len(text) > 10_000_000
    assert seconds[1] < 40 * seconds[0]


def test_every_policy_of_aws_itself_is_read() -> None:
    """The managed policies that moto carries: documents that AWS wrote."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data  # type: ignore[import-untyped,unused-ignore]

    policies = json.loads(aws_managed_policies_data)
    assert len(policies) > 900
    for name, entry in policies.items():
        assert parse_policy(name, entry["Document"]).statements
