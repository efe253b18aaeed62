"""AssumeRole through boto3. Sources: STS API reference; IAM user guide, roles and session tags; public logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.access.sts.identities import (
    OTHER_ACCOUNT,
    Credentials,
    Identities,
    allow,
    document,
    refused,
    trust,
)
from tests.support import ACCOUNT

ASSUME = allow("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")
EVERY = ("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")


def who(identities: Identities, credentials: Credentials) -> dict[str, Any]:
    answer: dict[str, Any] = identities.client("sts", credentials).get_caller_identity()
    return answer


class TestWhoMayAssume:
    def test_a_role_that_trusts_the_account_needs_the_callers_own_policy(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}))
        nobody, user = identities.user(), identities.user(allow("sts:AssumeRole", resource=role.arn))
        code, message = refused(identities.assume, role, nobody)
        assert code == "AccessDenied"
        assert message.startswith(f"User: {nobody.arn} is not authorized to perform: sts:AssumeRole on resource: ")
        assert who(identities, identities.assume(role, user)) | {"ResponseMetadata": None} == {
            "UserId": f"{role.unique_id}:session",
            "Account": ACCOUNT,
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/session",
            "ResponseMetadata": None,
        }

    def test_a_role_that_names_a_user_of_its_account_is_enough(self, identities: Identities) -> None:
        user = identities.user()
        assert identities.assume(identities.role(trust({"AWS": user.arn})), user)

    def test_a_role_that_trusts_somebody_else_is_not_assumed(self, identities: Identities) -> None:
        user = identities.user(ASSUME)
        for principal in ({"Service": "lambda.amazonaws.com"}, {"AWS": identities.user().arn}):
            code, message = refused(identities.assume, identities.role(trust(principal)), user)
            assert code == "AccessDenied"
            assert message.endswith("because no role trust policy allows the sts:AssumeRole action")

    def test_the_well_known_key_assumes_only_what_trusts_its_account(self, identities: Identities) -> None:
        assert identities.assume(identities.role(trust({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})))
        for principal in ({"Service": "lambda.amazonaws.com"}, {"AWS": OTHER_ACCOUNT}):
            assert refused(identities.assume, identities.role(trust(principal)))[0] == "AccessDenied"
        denying = identities.role(trust({"AWS": ACCOUNT}), trust({"AWS": ACCOUNT}, effect="Deny"))
        assert "explicit deny" in refused(identities.assume, denying)[1]

    def test_the_root_assumes_no_role(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}))
        code, message = refused(identities.assume, role, identities.root_key())
        assert (code, message) == ("AccessDenied", "Roles may not be assumed by root accounts.")

    @pytest.mark.parametrize("both", [True, False])
    def test_across_accounts_both_sides_have_to_allow_it(self, identities: Identities, both: bool) -> None:
        user = identities.user(*([ASSUME] if both else []), account=OTHER_ACCOUNT)
        role = identities.role(trust({"AWS": user.arn}))
        if both:
            assert who(identities, identities.assume(role, user))["Account"] == ACCOUNT
        else:
            assert refused(identities.assume, role, user)[0] == "AccessDenied"
        assert refused(identities.assume, identities.role(trust({"AWS": ACCOUNT})), user)[0] == "AccessDenied"

    @pytest.mark.parametrize(
        "other",
        [
            "arn:aws:iam::{other}:role/team/{name}",
            "arn:aws:iam::{account}:role/{name}",
            "arn:aws:iam::{account}:role/other/{name}",
            "arn:aws:iam::{account}:role/team/{upper}",
            "arn:aws:iam::{account}:role/team/{name}x",
        ],
    )
    def test_the_whole_arn_counts(self, identities: Identities, other: str) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}), path="/team/")
        sts = identities.client("sts", identities.user(ASSUME))
        assert sts.assume_role(RoleArn=role.arn, RoleSessionName="session")
        arn = other.format(account=ACCOUNT, other=OTHER_ACCOUNT, name=role.name, upper=role.name.upper())
        assert refused(sts.assume_role, RoleArn=arn, RoleSessionName="session")[0] == "AccessDenied"
        assert refused(identities.client("sts").assume_role, RoleArn=arn, RoleSessionName="session")[0] == (
            "AccessDenied"
        )

    @pytest.mark.parametrize(
        ("arn", "words"),
        [
            (f"arn:aws:iam::{ACCOUNT}:user/somebody", "Request ARN is invalid"),
            (f"arn:aws:iam::{ACCOUNT}:role", "Request ARN is invalid"),
            ("nothing-valid-in-here", "nothing-valid-in-here is invalid"),
            ("arn::b:::something/test-role", "arn::b:::something/test-role is invalid"),
            ("arn:a:::something/test-role", "arn:a:::something/test-role is invalid"),
            ("arn:a:a::aaaaaaaaaa:", "arn:a:a::aaaaaaaaaa: is invalid"),
        ],
    )
    def test_an_arn_that_is_no_roles(self, identities: Identities, arn: str, words: str) -> None:
        code, message = refused(identities.client("sts").assume_role, RoleArn=arn, RoleSessionName="session")
        assert (code, message) == ("ValidationError", words)

    @pytest.mark.parametrize("name", ["a b", "x" * 65, "x", "a/b"])
    def test_a_session_name_that_aws_refuses(self, identities: Identities, name: str) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}))
        sts = identities.aws.client("sts", parameter_validation=False)
        code, message = refused(sts.assume_role, RoleArn=role.arn, RoleSessionName=name)
        assert code == "ValidationError"
        assert "roleSessionName" in message

    def test_a_deleted_roles_session_ends_and_a_new_role_does_not_inherit_it(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}))
        credentials = identities.assume(role)
        assert who(identities, credentials)
        identities.account().remove(role)
        identities.role(trust({"AWS": ACCOUNT}), name=role.name)
        assert refused(identities.client("sts", credentials).get_caller_identity)[0] == "InvalidClientTokenId"


class TestConditions:
    @pytest.mark.parametrize(
        ("condition", "request_", "allowed"),
        [
            ({"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "secret"}, True),
            ({"StringEquals": {"sts:ExternalId": "secret"}}, {"ExternalId": "guess"}, False),
            ({"StringEquals": {"sts:ExternalId": "secret"}}, {}, False),
            ({"StringLike": {"sts:RoleSessionName": "sess*"}}, {}, True),
            ({"StringLike": {"sts:RoleSessionName": "other*"}}, {}, False),
            ({"NumericLessThanEquals": {"sts:DurationSeconds": "900"}}, {"DurationSeconds": 900}, True),
            ({"NumericLessThanEquals": {"sts:DurationSeconds": "900"}}, {"DurationSeconds": 901}, False),
            ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {}, False),
            ({"StringEquals": {"sts:SourceIdentity": "Ann"}}, {"SourceIdentity": "Ann"}, True),
            ({"StringEquals": {"sts:SourceIdentity": "Ann"}}, {"SourceIdentity": "Bob"}, False),
            ({"StringEquals": {"aws:RequestTag/team": "dogs"}}, {"Tags": [{"Key": "Team", "Value": "dogs"}]}, True),
            ({"StringEquals": {"aws:RequestTag/team": "dogs"}}, {"Tags": [{"Key": "team", "Value": "cats"}]}, False),
            (
                {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}},
                {"Tags": [{"Key": "team", "Value": "1"}, {"Key": "cost", "Value": "2"}]},
                False,
            ),
            (
                {"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["team"]}},
                {"Tags": [{"Key": "team", "Value": "1"}], "TransitiveTagKeys": ["team"]},
                True,
            ),
            (
                {"ForAllValues:StringEquals": {"sts:TransitiveTagKeys": ["cost"]}},
                {"Tags": [{"Key": "team", "Value": "1"}], "TransitiveTagKeys": ["team"]},
                False,
            ),
        ],
    )
    def test_of_a_trust_policy(
        self, identities: Identities, condition: dict[str, Any], request_: dict[str, Any], allowed: bool
    ) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}, *EVERY, Condition=condition))
        if allowed:
            assert identities.assume(role, **request_)
        else:
            assert refused(identities.assume, role, **request_)[0] == "AccessDenied"

    @pytest.mark.parametrize(
        ("action", "request_"),
        [
            ("sts:TagSession", {"Tags": [{"Key": "team", "Value": "dogs"}]}),
            ("sts:SetSourceIdentity", {"SourceIdentity": "Ann"}),
        ],
    )
    def test_tags_and_source_identity_need_an_action_of_their_own_on_both_sides(
        self, identities: Identities, action: str, request_: dict[str, Any]
    ) -> None:
        user = identities.user(allow("sts:AssumeRole"))
        full, half = identities.role(trust({"AWS": ACCOUNT}, *EVERY)), identities.role(trust({"AWS": ACCOUNT}))
        assert f"perform: {action} on resource: {full.arn}" in refused(identities.assume, full, user, **request_)[1]
        assert f"perform: {action} " in refused(identities.assume, half, identities.user(ASSUME), **request_)[1]
        assert identities.assume(full, identities.user(ASSUME), **request_)


class TestDuration:
    def test_the_default_is_an_hour(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}), max_session=43200)
        answer = identities.client("sts").assume_role(RoleArn=role.arn, RoleSessionName="session")
        left = answer["Credentials"]["Expiration"] - datetime.now(UTC)
        assert timedelta(minutes=59) < left <= timedelta(hours=1)

    def test_not_longer_than_the_roles_maximum(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}), max_session=7200)
        assert identities.assume(role, DurationSeconds=7200)
        assert refused(identities.assume, role, DurationSeconds=7201) == (
            "ValidationError",
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        )

    def test_not_longer_than_an_hour_when_chained(self, identities: Identities) -> None:
        first = identities.role(trust({"AWS": ACCOUNT}), allowed=(ASSUME,), max_session=43200)
        second = identities.role(trust({"AWS": first.arn}), max_session=43200)
        chained = identities.assume(first)
        assert identities.assume(second, chained, DurationSeconds=3600)
        code, message = refused(identities.assume, second, chained, DurationSeconds=3601)
        assert code == "ValidationError"
        assert message.endswith("exceeds the 1 hour session limit for roles assumed by role chaining.")


class TestSessionPolicies:
    def test_they_limit_the_session(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}), allowed=(allow("*"),))
        limited = identities.assume(role, Policy=json.dumps(document(allow("sagemaker:ListModels"))))
        sagemaker = identities.client("sagemaker", limited)
        assert "Models" in sagemaker.list_models()
        assert "no session policy allows" in refused(sagemaker.list_endpoints)[1]
        managed = identities.assume(role, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"}])
        assert "Models" in identities.client("sagemaker", managed).list_models()
        assert refused(identities.client("s3", managed).list_buckets)[0] == "AccessDenied"

    @pytest.mark.parametrize(
        ("request_", "code"),
        [
            ({"Policy": '{"Statement": [{}]}'}, "MalformedPolicyDocument"),
            ({"Policy": "no JSON"}, "MalformedPolicyDocument"),
            ({"Policy": json.dumps(document(allow("s3:" + "x" * 2040)))}, "PackedPolicyTooLarge"),
            ({"PolicyArns": [{"arn": f"arn:aws:iam::{ACCOUNT}:policy/missing"}]}, "ValidationError"),
            ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/missing"}]}, "ValidationError"),
            ({"PolicyArns": [{"arn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}] * 11}, "ValidationError"),
            ({"Tags": [{"Key": str(key), "Value": ""} for key in range(51)]}, "ValidationError"),
            ({"Tags": [{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]}, "InvalidParameterValue"),
            ({"TransitiveTagKeys": ["a"]}, "InvalidParameterValue"),
            ({"ProvidedContexts": [{"ContextAssertion": "x" * 8}]}, "NotImplementedException"),
        ],
    )
    def test_what_aws_refuses(self, identities: Identities, request_: dict[str, Any], code: str) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}, *EVERY))
        assert refused(identities.assume, role, **request_)[0] == code

    def test_their_packed_size(self, identities: Identities) -> None:
        role = identities.role(trust({"AWS": ACCOUNT}, *EVERY))
        sts = identities.client("sts")
        assert "PackedPolicySize" not in sts.assume_role(RoleArn=role.arn, RoleSessionName="session")
        tags = [{"Key": "team", "Value": "dogs"}]
        assert 0 < sts.assume_role(RoleArn=role.arn, RoleSessionName="session", Tags=tags)["PackedPolicySize"] < 10
        large = [
            {"Key": f"{key:02}", "Value": "".join(chr(33 + (key * 7 + at * at) % 90) for at in range(250))}
            for key in range(50)
        ]
        code, message = refused(sts.assume_role, RoleArn=role.arn, RoleSessionName="session", Tags=_plain(large))
        assert code == "PackedPolicyTooLarge"
        assert message.endswith("of allotted space.")


def _plain(tags: list[dict[str, str]]) -> list[dict[str, str]]:
    """The tags with the characters that a tag may have."""
    return [{**tag, "Value": "".join(c if c.isalnum() else "_" for c in tag["Value"])} for tag in tags]


class TestChains:
    """What a session hands on to the next one."""

    def test_transitive_tags_and_the_source_identity(self, identities: Identities) -> None:
        tagged = {"StringEquals": {"aws:PrincipalTag/team": "dogs"}}
        may = allow("sagemaker:ListModels", Condition=tagged)
        first = identities.role(trust({"AWS": ACCOUNT}, *EVERY), allowed=(ASSUME, may))
        second = identities.role(trust({"AWS": first.arn}, *EVERY), allowed=(may, ASSUME))
        credentials = identities.assume(
            first,
            Tags=[{"Key": "Team", "Value": "dogs"}, {"Key": "cost", "Value": "1"}],
            TransitiveTagKeys=["team"],
            SourceIdentity="Ann",
        )
        assert "Models" in identities.client("sagemaker", credentials).list_models()
        request = {"RoleArn": second.arn, "RoleSessionName": "next"}
        sts = identities.client("sts", credentials)
        assert sts.assume_role(**request)["SourceIdentity"] == "Ann"
        assert sts.assume_role(**request, SourceIdentity="Ann")
        assert refused(sts.assume_role, **request, SourceIdentity="Bob")[0] == "AccessDenied"
        chained = identities.assume(second, credentials)
        assert "Models" in identities.client("sagemaker", chained).list_models()
        overriding = [{"Key": "TEAM", "Value": "cats"}]
        assert refused(sts.assume_role, **request, Tags=overriding)[0] == "InvalidParameterValue"

    @pytest.mark.parametrize("missing", ["sts:TagSession", "sts:SetSourceIdentity"])
    def test_the_next_role_has_to_trust_what_it_inherits(self, identities: Identities, missing: str) -> None:
        first = identities.role(trust({"AWS": ACCOUNT}, *EVERY), allowed=(ASSUME,))
        second = identities.role(trust({"AWS": first.arn}, *(action for action in EVERY if action != missing)))
        tags = [{"Key": "team", "Value": "dogs"}]
        credentials = identities.assume(first, Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="Ann")
        assert missing in refused(identities.assume, second, credentials)[1]

    def test_a_session_tag_replaces_the_roles_own_whatever_its_case(self, identities: Identities) -> None:
        may = allow("sagemaker:ListModels", Condition={"StringEquals": {"aws:PrincipalTag/team": "dogs"}})
        role = identities.role(trust({"AWS": ACCOUNT}, *EVERY), allowed=(may,), tags={"Team": "cats"})
        assert refused(identities.client("sagemaker", identities.assume(role)).list_models)
        tagged = identities.assume(role, Tags=[{"Key": "team", "Value": "dogs"}])
        assert "Models" in identities.client("sagemaker", tagged).list_models()
