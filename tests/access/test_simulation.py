"""SimulatePrincipalPolicy and SimulateCustomPolicy through boto3. Source: IAM API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.access.policies import ACCOUNT, ENDPOINT, INVOKE, statement
from tests.support import Aws, unique


def text(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def custom(aws: Aws, *documents: str, **members: Any) -> dict[str, Any]:
    request = {"PolicyInputList": list(documents), "ActionNames": [INVOKE], "ResourceArns": [ENDPOINT], **members}
    return dict(aws.client("iam").simulate_custom_policy(**request))


def decisions(answer: dict[str, Any]) -> list[str]:
    return [result["EvalDecision"] for result in answer["EvaluationResults"]]


def code(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**members)
    return str(raised.value.response["Error"]["Code"])


def test_the_three_decisions_and_the_policy_that_decided(aws: Aws) -> None:
    allow, deny = text(statement()), text(statement("Deny"))
    answer = custom(aws, text(statement(action="s3:*")), allow)["EvaluationResults"][0]
    assert (answer["EvalActionName"], answer["EvalResourceName"], answer["EvalDecision"]) == (
        INVOKE,
        "arn:${Partition}:sagemaker:${Region}:${Account}:endpoint/${EndpointName}",
        "allowed",
    )
    assert answer["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.2"
    assert decisions(custom(aws, allow, deny)) == ["explicitDeny"]
    assert decisions(custom(aws, text(statement(action="s3:*")))) == ["implicitDeny"]


def test_each_action_on_each_resource_in_pages(aws: Aws) -> None:
    members = {
        "ActionNames": ["s3:GetObject", "s3:PutObject"],
        "ResourceArns": ["arn:aws:s3:::b/1", "arn:aws:s3:::b/2"],
    }
    policy = text(statement(action="s3:Get*", resource="arn:aws:s3:::b/1"))
    first = custom(aws, policy, MaxItems=1, **members)
    assert (decisions(first), first["IsTruncated"]) == (["implicitDeny"], True)
    each = first["EvaluationResults"][0]["ResourceSpecificResults"]
    assert [result["EvalResourceDecision"] for result in each] == ["allowed", "implicitDeny"]
    assert [result["EvalResourceName"] for result in each] == members["ResourceArns"]
    pages = (
        aws.client("iam")
        .get_paginator("simulate_custom_policy")
        .paginate(PolicyInputList=[policy], PaginationConfig={"PageSize": 1}, **members)
    )
    actions = [result["EvalActionName"] for page in pages for result in page["EvaluationResults"]]
    assert actions == members["ActionNames"]


def test_across_accounts_each_type_of_policy_is_told(aws: Aws) -> None:
    ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
    both = {"CallerArn": ann, "ActionNames": ["s3:GetObject"], "ResourceArns": ["arn:aws:s3:::b/1"]}
    policy, grant = text(statement(action="s3:*")), text(statement(action="s3:*", Principal={"AWS": ann}))
    own = custom(aws, policy, **both)
    assert (decisions(own), own["EvaluationResults"][0]["EvalDecisionDetails"]) == (["allowed"], {})
    for owner in ("999988887777", "arn:aws:iam::999988887777:root"):
        refused = custom(aws, policy, ResourceOwner=owner, **both)
        assert decisions(refused) == ["implicitDeny"]
        assert refused["EvaluationResults"][0]["EvalDecisionDetails"] == {
            "IAM Policy": "allowed",
            "Resource Policy": "implicitDeny",
        }
        assert decisions(custom(aws, policy, ResourceOwner=owner, ResourcePolicy=grant, **both)) == ["allowed"]


def test_every_level_of_the_organization_has_to_allow(aws: Aws) -> None:
    everything, nothing = text(statement(action="*", resource="*")), text(statement(action="s3:*"))
    for levels, expected in ([everything, everything], "allowed"), ([everything, nothing], "implicitDeny"):
        organization = [{"ServiceControlPolicyInputList": [level]} for level in levels]
        answer = custom(aws, text(statement()), OrderedOrganizationPolicyInputList=organization)
        assert decisions(answer) == [expected]
        told = answer["EvaluationResults"][0]["OrganizationsDecisionDetail"]
        assert told == {"AllowedByOrganizations": expected == "allowed"}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("numeric", ["-1.5"], ["one"]),
        ("boolean", ["TRUE"], ["yes"]),
        ("ip", ["10.0.0.0/8"], ["10.0.0"]),
        ("binary", ["QUJD"], ["?"]),
        ("date", ["2026-03-01T00:00:00Z"], ["soon"]),
        ("string", ["any"], ["one", "two"]),
        ("numericList", ["1", "2"], ["1", "two"]),
    ],
)
def test_a_context_value_is_of_its_type(aws: Aws, kind: str, good: list[str], bad: list[str]) -> None:
    def members(values: list[str]) -> dict[str, Any]:
        entry = {"ContextKeyName": "aws:Custom", "ContextKeyType": kind, "ContextKeyValues": values}
        return {"PolicyInputList": [text(statement())], "ActionNames": [INVOKE], "ContextEntries": [entry]}

    simulate = aws.client("iam").simulate_custom_policy
    assert simulate(**members(good))["EvaluationResults"]
    assert code(simulate, **members(bad)) == "InvalidInput"


def test_context_and_what_is_missing_of_it(aws: Aws) -> None:
    policy = text(statement(Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    without = custom(aws, policy)
    assert decisions(without) == ["implicitDeny"]
    assert without["EvaluationResults"][0]["MissingContextValues"] == ["aws:requestedregion"]
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}
    with_it = custom(aws, policy, ContextEntries=[entry])
    assert (decisions(with_it), with_it["EvaluationResults"][0]["MissingContextValues"]) == (["allowed"], [])


def test_a_boundary_and_a_resource_policy(aws: Aws) -> None:
    bounded = custom(aws, text(statement()), PermissionsBoundaryPolicyInputList=[text(statement(action="s3:*"))])
    assert decisions(bounded) == ["implicitDeny"]
    detail = bounded["EvaluationResults"][0]["PermissionsBoundaryDecisionDetail"]
    assert detail == {"AllowedByPermissionsBoundary": False}
    ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
    granted = custom(
        aws, text(statement(action="s3:*")), CallerArn=ann, ResourcePolicy=text(statement(Principal={"AWS": ann}))
    )
    assert decisions(granted) == ["allowed"]
    assert granted["EvaluationResults"][0]["MatchedStatements"][0]["SourcePolicyType"] == "resource"


def test_a_role_with_what_is_attached_to_it(aws: Aws) -> None:
    iam, role = aws.client("iam"), aws.role({"inline": json.loads(text(statement(action="s3:*")))})
    simulate = iam.simulate_principal_policy
    members = {"PolicySourceArn": role, "ActionNames": [INVOKE, "s3:GetObject"]}
    assert decisions(simulate(**members)) == ["implicitDeny", "allowed"]
    managed = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=managed)
    answer = simulate(**members, ResourceArns=[ENDPOINT])
    assert decisions(answer)[0] == "allowed"
    assert answer["EvaluationResults"][0]["MatchedStatements"][0] == {
        "SourcePolicyId": managed,
        "SourcePolicyType": "aws-managed",
    }


def test_a_user(aws: Aws) -> None:
    iam, name = aws.client("iam"), unique("user")
    arn = iam.create_user(UserName=name)["User"]["Arn"]
    more = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=[INVOKE], PolicyInputList=[text(statement())])
    assert decisions(more) == ["allowed"]


def test_bad_input_is_refused_in_words(aws: Aws) -> None:
    iam = aws.client("iam")
    request = {"ActionNames": [INVOKE]}
    assert code(iam.simulate_custom_policy, PolicyInputList=["{"], **request) == "InvalidInput"
    assert code(iam.simulate_custom_policy, PolicyInputList=[text(statement())], ActionNames=["Get"]) == "InvalidInput"
    nobody = f"arn:aws:iam::{ACCOUNT}:role/{unique('none')}"
    assert code(iam.simulate_principal_policy, PolicySourceArn=nobody, **request) == "NoSuchEntity"
    assert (
        code(iam.simulate_principal_policy, PolicySourceArn="arn:aws:s3:::b/its/no/role", **request) == "InvalidInput"
    )


@pytest.mark.parametrize(
    "members",
    [
        {"ResourceHandlingOption": "EC2-VPC-EBS", "ResourceArns": ["arn:aws:ec2:us-east-1:123456789012:instance/i-1"]},
        {"ResourceHandlingOption": "EC2-Moon"},
        {"ResourceOwner": "me"},
        {"CallerArn": "arn:aws:sts::123456789012:assumed-role/r/s"},
        {"PermissionsBoundaryPolicyInputList": [text(statement()), text(statement())]},
        {"ResourcePolicy": text(statement(Principal="*"))},
    ],
)
def test_inputs_that_aws_does_not_take(aws: Aws, members: dict[str, Any]) -> None:
    request = {"PolicyInputList": [text(statement())], "ActionNames": [INVOKE], **members}
    assert code(aws.client("iam").simulate_custom_policy, **request) == "InvalidInput"


def test_a_marker_of_no_answer_is_refused(aws: Aws) -> None:
    request = {"PolicyInputList": [text(statement())], "ActionNames": [INVOKE], "Marker": "%"}
    assert code(aws.client("iam").simulate_custom_policy, **request) == "ValidationError"


def test_a_large_simulation_has_smaller_pages_and_a_larger_one_is_refused(aws: Aws) -> None:
    request = {"ActionNames": ["s3:GetObject", "s3:PutObject"]}
    page = custom(aws, text(statement(action="s3:*")), ResourceArns=["arn:aws:s3:::b/1"] * 1_500, **request)
    assert (len(page["EvaluationResults"]), page["IsTruncated"]) == (1, True)
    members = {"PolicyInputList": [text(statement())], "ResourceArns": ["arn:aws:s3:::b/1"] * 10_001, **request}
    assert code(aws.client("iam").simulate_custom_policy, **members) == "InvalidInput"


def test_who_may_simulate(aws: Aws) -> None:
    role = aws.role({"own": json.loads(text(statement(action="iam:SimulateCustomPolicy")))})
    iam = aws.as_role(role, "iam")
    assert iam.simulate_custom_policy(PolicyInputList=[text(statement())], ActionNames=[INVOKE])["EvaluationResults"]
    assert code(iam.simulate_principal_policy, PolicySourceArn=role, ActionNames=[INVOKE]) == "AccessDenied"
