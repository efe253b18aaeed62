"""assert_allowed and assert_denied take documents, files, AWS's policies and running roles, and say why they fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.access.rules.policy import MalformedPolicy
from harness.testing import assert_allowed, assert_denied, policies_of
from tests.access.policies import ACCOUNT, ENDPOINT, INVOKE, statement, trust
from tests.support import Aws, unique

POLICIES = Path(__file__).parents[2] / "fixtures" / "dog_breed" / "policies"
DOGS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dog-breed-endpoint"
FULL_ACCESS = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def failure(assertion: Callable[..., None], *arguments: Any, **named: Any) -> str:
    with pytest.raises(AssertionError) as error:
        assertion(*arguments, **named)
    return str(error.value)


@pytest.mark.parametrize("policy", [POLICIES / "least_privilege.json", str(POLICIES / "least_privilege.json")])
def test_a_file(policy: Any) -> None:
    assert_allowed(policy, INVOKE, DOGS)
    assert_denied(policy, INVOKE, ENDPOINT)
    assert_denied(policy, "sagemaker:DeleteEndpoint")


def test_a_document_its_text_and_several() -> None:
    policy = document(statement())
    assert_allowed(policy, INVOKE, ENDPOINT)
    assert_allowed(json.dumps(policy), INVOKE, ENDPOINT)
    assert_denied([policy, document(statement("Deny"))], INVOKE, ENDPOINT)


def test_a_failure_names_the_missing_permission_or_the_statement() -> None:
    sentence = failure(assert_allowed, POLICIES / "least_privilege.json", INVOKE, ENDPOINT)
    assert f"{INVOKE} on {ENDPOINT} by arn:aws:sts::{ACCOUNT}:assumed-role/caller/" in sentence
    assert "no identity-based policy allows it" in sentence
    assert "least_privilege, Statement[0] allows it on arn:aws:sagemaker:*:*:endpoint/dog-breed-endpoint." in sentence
    sentence = failure(assert_denied, FULL_ACCESS, "sagemaker:DeleteEndpoint", DOGS)
    assert "AmazonSageMakerFullAccess, Statement[0] (AllowAllNonAdminSageMakerActions)" in sentence


def test_conditions_and_variables_see_the_requests_keys() -> None:
    passing = {"iam:PassedToService": "sagemaker.amazonaws.com"}
    assert_allowed(FULL_ACCESS, "iam:PassRole", ROLE, context=passing)
    assert_denied(FULL_ACCESS, "iam:PassRole", ROLE)
    own = document(statement(action="s3:GetObject", resource="arn:aws:s3:::b/${aws:username}/*"))
    assert_allowed(own, "s3:GetObject", "arn:aws:s3:::b/ann/x", principal=f"arn:aws:iam::{ACCOUNT}:user/ann")
    assert_denied(own, "s3:GetObject", "arn:aws:s3:::b/ann/x", principal=f"arn:aws:iam::{ACCOUNT}:user/bob")
    here = document(statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    assert_allowed(here, INVOKE, ENDPOINT)
    assert_denied(here, INVOKE, ENDPOINT.replace("us-east-1", "eu-west-1"))
    secure = document(statement(Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    assert_denied(secure, INVOKE, ENDPOINT)
    assert_allowed(secure, INVOKE, ENDPOINT, context={"aws:MultiFactorAuthPresent": True})


def test_a_boundary_a_session_policy_and_a_bucket_policy() -> None:
    listing = document(statement(action="sagemaker:List*"))
    assert "no permissions boundary allows it" in failure(
        assert_allowed, document(statement()), INVOKE, ENDPOINT, boundary=listing
    )
    assert "no session policy allows it" in failure(
        assert_allowed, document(statement()), INVOKE, ENDPOINT, session=listing
    )
    ann, get = f"arn:aws:iam::{ACCOUNT}:user/ann", "s3:GetObject"
    bucket = document(statement(action=get, resource="arn:aws:s3:::b/*", Principal={"AWS": ann}))
    assert_allowed([], get, "arn:aws:s3:::b/x", principal=ann, resource_policy=bucket)
    assert_denied([], get, "arn:aws:s3:::b/x", resource_policy=bucket)


def test_whether_a_service_may_assume_a_role() -> None:
    trusting = document(trust({"Service": "lambda.amazonaws.com"}))
    assert_allowed([], "sts:AssumeRole", ROLE, principal="lambda.amazonaws.com", resource_policy=trusting)
    assert_denied([], "sts:AssumeRole", ROLE, principal="sagemaker.amazonaws.com", resource_policy=trusting)


def test_a_running_role_with_its_attached_policies(aws: Aws) -> None:
    iam, role = aws.client("iam"), aws.role({"own": document(statement(action="sagemaker:*", resource="*"))})
    policies = policies_of(iam, role.rpartition("/")[2])
    assert_allowed(policies, INVOKE, ENDPOINT)
    arn = iam.create_policy(PolicyName=unique("b"), PolicyDocument=json.dumps(document(statement(action="s3:*"))))
    iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=arn["Policy"]["Arn"])
    sentence = failure(assert_allowed, policies_of(iam, role), INVOKE, ENDPOINT)
    assert role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") in sentence
    assert "no permissions boundary allows it" in sentence


class TestATestThatCouldNotFail:
    def test_a_misspelled_action_is_refused(self) -> None:
        with pytest.raises(ValueError, match=r"no action 'sagemaker:InvokeEndpont'; is it sagemaker:InvokeEndpoint\?"):
            assert_denied({"Statement": []}, "sagemaker:InvokeEndpont", ENDPOINT)

    def test_allowed_needs_a_resource_and_denied_without_one_means_every_resource(self) -> None:
        policy = document(statement())
        with pytest.raises(ValueError, match="say on which"):
            assert_allowed(policy, INVOKE)
        failure(assert_denied, policy, INVOKE)
        assert_allowed(document(statement(action="sagemaker:List*")), "sagemaker:ListModels")

    def test_a_malformed_document_is_refused(self) -> None:
        with pytest.raises(MalformedPolicy, match=r"policy document, Statement\[0\]: Effect"):
            assert_denied({"Statement": [{}]}, INVOKE, ENDPOINT)
