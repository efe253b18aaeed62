"""The condition keys of a request. Source: IAM user guide, global condition context keys."""

from __future__ import annotations

from typing import Any

import pytest

from harness.access.rules.context import Circumstances, RequestContext, Sender, request_tags
from harness.access.rules.principals import Caller
from tests.access.policies import ACCOUNT, LAMBDA, SESSION, USER

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


def context(sender: Sender | None = None, request: dict[str, Any] | None = None, **more: Any) -> RequestContext:
    headers = {"user-agent": "Boto3/1", "referer": "r", "x-amz-acl": "private"}
    how = Circumstances("eu-west-1", ACCOUNT, NOW, "203.0.113.9", headers, request or {}, **more)
    return RequestContext(sender or Sender(USER, {"Team": "red"}, "AIDAX"), how)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("aws:sourceip", ("203.0.113.9",)),
        ("aws:requestedregion", ("eu-west-1",)),
        ("aws:currenttime", ("2026-01-01T00:00:00Z",)),
        ("aws:epochtime", ("1767225600",)),
        ("aws:securetransport", ("true",)),  # the harness stands for an https endpoint
        ("aws:useragent", ("Boto3/1",)),
        ("aws:referer", ("r",)),
        ("aws:principalarn", (USER.arn,)),
        ("aws:principalaccount", (ACCOUNT,)),
        ("aws:principaltype", ("User",)),
        ("aws:principalisawsservice", ("false",)),
        ("aws:viaawsservice", ("false",)),
        ("aws:userid", ("AIDAX",)),
        ("aws:username", ("ann",)),
        ("aws:resourceaccount", (ACCOUNT,)),
        ("aws:principaltag/team", ("red",)),  # names of tags ignore case here
        ("aws:principaltag/other", None),
        ("aws:tokenissuetime", None),
        ("aws:multifactorauthpresent", None),  # long-term keys have no such key
        ("aws:nosuchkey", None),
        ("s3:x-amz-acl", ("private",)),
        ("s3:signatureversion", ("AWS4-HMAC-SHA256",)),
    ],
)
def test_global_keys(key: str, values: tuple[str, ...] | None) -> None:
    keys = context()
    assert keys.get(key) == values
    assert (key in keys) is (values is not None)


def test_a_role_session() -> None:
    keys = context(Sender(SESSION, issued=NOW - 60))
    assert keys["aws:principalarn"] == (f"arn:aws:iam::{ACCOUNT}:role/dogs",)  # the role's, not the session's
    assert keys["aws:principaltype"] == ("AssumedRole",)
    assert keys["aws:tokenissuetime"] == ("2025-12-31T23:59:00Z",)
    assert keys["aws:multifactorauthpresent"] == ("false",)
    assert "aws:username" not in keys


def test_a_service() -> None:
    keys = context(Sender(LAMBDA))
    assert keys["aws:principalisawsservice"] == ("true",)
    assert keys["aws:principalservicename"] == ("lambda.amazonaws.com",)
    assert context(Sender(Caller("x", "", "anonymous")))["aws:principaltype"] == ("Anonymous",)


@pytest.mark.parametrize(
    ("request_", "key", "values"),
    [
        ({"TargetModel": "m"}, "sagemaker:targetmodel", ("m",)),
        ({"ProductionVariants": [{"InstanceType": "ml.m5.large"}, {"InstanceType": "ml.c5.large"}]},
         "sagemaker:instancetypes", ("ml.m5.large", "ml.c5.large")),
        ({"EnableNetworkIsolation": True}, "sagemaker:networkisolation", ("true",)),
        ({"VpcConfig": {"Subnets": ["a", "b"]}}, "sagemaker:vpcsubnets", ("a", "b")),
        ({"Namespace": "AWS/SageMaker"}, "cloudwatch:namespace", ("AWS/SageMaker",)),
        ({"ScalableDimension": "d"}, "application-autoscaling:scalable-dimension", ("d",)),
        ({"RoleSessionName": "s"}, "sts:rolesessionname", ("s",)),
        ({"PolicyArn": "p"}, "iam:policyarn", ("p",)),
        ({"Prefix": "x/"}, "s3:prefix", ("x/",)),
        ({"MaxKeys": 5}, "s3:max-keys", ("5",)),
        ({"Layers": ["l"]}, "lambda:layer", ("l",)),
        ({"Other": 1}, "sagemaker:targetmodel", None),
    ],
)  # fmt: skip
def test_a_services_own_keys_are_the_requests_members(
    request_: dict[str, Any], key: str, values: tuple[str, ...] | None
) -> None:
    assert context(request=request_).get(key) == values


@pytest.mark.parametrize(
    "tags",
    [
        {"Tags": [{"Key": "team", "Value": "red"}]},
        {"Tags": {"team": "red"}},
        {"tags": [{"key": "team", "value": "red"}]},
    ],
)
def test_the_tags_that_a_request_sets(tags: dict[str, Any]) -> None:
    keys = context(request=tags)
    assert keys["aws:requesttag/team"] == ("red",)
    assert keys["aws:tagkeys"] == ("team",)
    assert request_tags({"TagKeys": ["a"]}) == {"a": ""}


def test_a_resources_tags_are_asked_for_when_a_policy_does() -> None:
    calls: list[int] = []

    def tags() -> dict[str, str]:
        calls.append(1)
        return {"team": "red"}

    keys = context(resource_tags=tags)
    assert "aws:sourceip" in keys
    assert not calls
    assert keys["aws:resourcetag/team"] == ("red",)


def test_condition_keys_that_only_the_service_knows() -> None:
    assert context(extra={"iam:passedtoservice": ("lambda.amazonaws.com",)})["iam:passedtoservice"]


def test_keys_that_were_read_are_kept() -> None:
    keys = context()
    assert (list(keys), len(keys)) == ([], 0)
    assert keys["aws:sourceip"]
    assert list(keys) == ["aws:sourceip"]
