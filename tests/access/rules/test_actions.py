"""The permissions that a request needs. Sources: service authorization reference; the operations' API references."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.access.rules import reference
from harness.access.rules.actions import AccountRegion, http_need, needs, passed_roles, prefix_of
from harness.gateway.wire.models import service_model

PLACE = AccountRegion("eu-west-1", "123456789012")
HERE = "eu-west-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/r"


def needed(service: str, operation: str, **request: Any) -> list[tuple[str, tuple[str, ...]]]:
    model = service_model(service)
    prefix = prefix_of(service, model, model.signing_name)
    return [(need.action, need.resources) for need in needs(prefix, operation, request, PLACE)]


S3 = "arn:aws:s3:::b"
CASES: list[tuple[str, str, dict[str, Any], str, str | None]] = [
    ("s3", "ListBuckets", {}, "s3:ListAllMyBuckets", "arn:aws:s3:::*"),
    ("s3", "HeadBucket", {"Bucket": "b"}, "s3:ListBucket", S3),
    ("s3", "ListObjectsV2", {"Bucket": "b"}, "s3:ListBucket", S3),
    ("s3", "CreateBucket", {"Bucket": "b"}, "s3:CreateBucket", S3),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k/l m"}, "s3:GetObject", f"{S3}/k/l m"),
    ("s3", "HeadObject", {"Bucket": "b", "Key": "k"}, "s3:GetObject", f"{S3}/k"),
    ("s3", "GetObject", {"Bucket": "b", "Key": "k", "VersionId": "1"}, "s3:GetObjectVersion", f"{S3}/k"),
    ("s3", "UploadPart", {"Bucket": "b", "Key": "k"}, "s3:PutObject", f"{S3}/k"),
    ("s3", "CompleteMultipartUpload", {"Bucket": "b", "Key": "k"}, "s3:PutObject", f"{S3}/k"),
    ("s3", "DeleteBucketCors", {"Bucket": "b"}, "s3:PutBucketCORS", S3),
    ("s3", "GetBucketEncryption", {"Bucket": "b"}, "s3:GetEncryptionConfiguration", S3),
    ("s3", "ListBucketMetricsConfigurations", {"Bucket": "b"}, "s3:GetMetricsConfiguration", S3),
    ("s3", "DeletePublicAccessBlock", {"Bucket": "b"}, "s3:PutBucketPublicAccessBlock", S3),
    ("lambda", "Invoke", {"FunctionName": "f"}, "lambda:InvokeFunction", f"arn:aws:lambda:{HERE}:function:f"),
    ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "e"}, "sagemaker:InvokeEndpoint",
     f"arn:aws:sagemaker:{HERE}:endpoint/e"),
    ("sagemaker", "DescribeTrainingJob", {"TrainingJobName": "j"}, "sagemaker:DescribeTrainingJob",
     f"arn:aws:sagemaker:{HERE}:training-job/j"),
    ("iam", "GetRole", {"RoleName": "r"}, "iam:GetRole", ROLE),
    ("iam", "PutRolePolicy", {"RoleName": "r", "PolicyName": "p"}, "iam:PutRolePolicy", ROLE),
    ("iam", "GetPolicy", {"PolicyArn": "arn:aws:iam::aws:policy/x/P"}, "iam:GetPolicy", "arn:aws:iam::aws:policy/x/P"),
    ("iam", "ListUsers", {}, "iam:ListUsers", "*"),
    ("sts", "AssumeRole", {"RoleArn": ROLE}, "sts:AssumeRole", ROLE),
    ("logs", "CreateLogGroup", {"logGroupName": "/x"}, "logs:CreateLogGroup", f"arn:aws:logs:{HERE}:log-group:/x"),
    ("logs", "PutLogEvents", {"logGroupName": "/x", "logStreamName": "s"}, "logs:PutLogEvents",
     f"arn:aws:logs:{HERE}:log-group:/x:log-stream:s"),
    ("cloudwatch", "PutMetricAlarm", {"AlarmName": "a"}, "cloudwatch:PutMetricAlarm",
     f"arn:aws:cloudwatch:{HERE}:alarm:a"),
    ("sqs", "SendMessage", {"QueueUrl": "http://h/1/q"}, "sqs:SendMessage", f"arn:aws:sqs:{HERE}:q"),
    ("sqs", "SendMessageBatch", {"QueueUrl": "http://h/1/q"}, "sqs:SendMessage", f"arn:aws:sqs:{HERE}:q"),
    ("sns", "Publish", {"TopicArn": f"arn:aws:sns:{HERE}:t"}, "sns:Publish", f"arn:aws:sns:{HERE}:t"),
    ("sns", "CreateTopic", {"Name": "t"}, "sns:CreateTopic", f"arn:aws:sns:{HERE}:t"),
    ("secretsmanager", "GetSecretValue", {"SecretId": "s"}, "secretsmanager:GetSecretValue",
     f"arn:aws:secretsmanager:{HERE}:secret:s-??????"),
    ("ssm", "GetParameter", {"Name": "/a/b"}, "ssm:GetParameter", f"arn:aws:ssm:{HERE}:parameter/a/b"),
    ("dynamodb", "GetItem", {"TableName": "t"}, "dynamodb:GetItem", f"arn:aws:dynamodb:{HERE}:table/t"),
    ("dynamodb", "TransactGetItems", {}, "dynamodb:GetItem", None),
    ("events", "PutRule", {"Name": "r"}, "events:PutRule", f"arn:aws:events:{HERE}:rule/r"),
    ("events", "PutRule", {"Name": "r", "EventBusName": "b"}, "events:PutRule", f"arn:aws:events:{HERE}:rule/b/r"),
    ("events", "PutEvents", {"Entries": []}, "events:PutEvents", f"arn:aws:events:{HERE}:event-bus/default"),
    ("ecr", "GetAuthorizationToken", {}, "ecr:GetAuthorizationToken", "*"),
    ("ec2", "CreateVpcEndpoint", {"ServiceName": "s3"}, "ec2:CreateVpcEndpoint", None),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "request_", "action", "resource"), CASES)
def test_the_action_and_the_resource(
    service: str, operation: str, request_: dict[str, Any], action: str, resource: str | None
) -> None:
    """The request does not say which resource it is on."""
    assert needed(service, operation, **request_) == [(action, () if resource is None else (resource,))]


def test_a_request_may_act_on_several() -> None:
    assert needed("s3", "DeleteObjects", Bucket="b", Key=["x", "y"]) == [("s3:DeleteObject", (f"{S3}/x", f"{S3}/y"))]
    alarms = needed("cloudwatch", "DeleteAlarms", AlarmNames=["a", "b"])[0][1]
    assert [alarm.rpartition(":")[2] for alarm in alarms] == ["a", "b"]


def test_a_request_may_need_several_actions() -> None:
    assert [action for action, _ in needed("kms", "ReEncrypt", KeyId="k")] == ["kms:ReEncryptFrom", "kms:ReEncryptTo"]


def test_a_copy_reads_its_source() -> None:
    copied = needed("s3", "CopyObject", Bucket="b", Key="k", CopySource="/other/a%20b?versionId=1")
    assert copied[1] == ("s3:GetObject", ("arn:aws:s3:::other/a b",))


def test_an_operation_that_the_reference_does_not_know_is_its_own_action() -> None:
    assert needed("dynamodb", "ExecuteStatement", Statement="x") == [("dynamodb:ExecuteStatement", ())]
    assert [need.action for need in needs("no-such-service", "Fly", {}, PLACE)] == ["no-such-service:Fly"]


@pytest.mark.parametrize(
    ("service", "prefix"),
    [("cloudwatch", "cloudwatch"), ("ses", "ses"), ("stepfunctions", "states"), ("resourcegroupstaggingapi", "tag"),
     ("elbv2", "elasticloadbalancing"), ("application-autoscaling", "application-autoscaling")],
)  # fmt: skip
def test_the_prefix_of_a_service(service: str, prefix: str) -> None:
    model = service_model(service)
    assert prefix_of(service, model, model.signing_name) == prefix
    assert prefix_of("no-such-thing", None, "no-such-thing") == "no-such-thing"


def test_api_gateways_actions_are_https_methods() -> None:
    need = http_need("GET", "/restapis/a%20b", PLACE)
    assert (need.action, need.resources) == ("apigateway:GET", ("arn:aws:apigateway:eu-west-1::/restapis/a b",))


@pytest.mark.parametrize(
    ("action", "request_", "roles"),
    [
        ("lambda:CreateFunction", {"Role": ROLE}, (ROLE,)),
        ("sagemaker:CreateModel", {"ExecutionRoleArn": ROLE}, (ROLE,)),
        ("sagemaker:CreateModel", {"ExecutionRoleArn": "r"}, ()),
        ("states:CreateStateMachine", {"roleArn": ROLE}, (ROLE,)),
        ("events:PutTargets", {"Targets": [{"RoleArn": ROLE}]}, (ROLE,)),
        ("sagemaker:ListModels", {"RoleArn": ROLE}, ()),  # reading passes nothing
        ("sts:AssumeRole", {"RoleArn": ROLE}, ()),
        ("no-such:Thing", {"RoleArn": ROLE}, ()),
    ],
)
def test_the_roles_that_a_request_passes(action: str, request_: dict[str, Any], roles: tuple[str, ...]) -> None:
    assert passed_roles(action, request_) == roles


def test_the_reference_knows_every_action_of_what_the_harness_owns() -> None:
    for name in ("sagemaker:InvokeEndpoint", "lambda:InvokeFunction", "application-autoscaling:PutScalingPolicy"):
        assert reference.action(name.upper()) is not None
    assert reference.action("s3:NoSuchThing") is None
    assert reference.action("nothing") is None
    assert len(reference.actions("sagemaker")) > 300
    assert reference.actions("no-such-service") == {}


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@given(
    st.sampled_from(["s3", "iam", "logs", "sqs", "ec2", "sagemaker", "events", "dynamodb"]),
    st.integers(0, 1000),
    st.dictionaries(
        st.sampled_from(
            ["Bucket", "Key", "RoleName", "Name", "QueueUrl", "logGroupName", "Names", "CopySource", "Role"]
        ),
        _VALUES,
        max_size=4,
    ),
)
def test_any_request_has_its_needs(service: str, number: int, request_: dict[str, Any]) -> None:
    names = service_model(service).operation_names
    for action, resources in needed(service, names[number % len(names)], **request_):
        assert ":" in action
        assert all(isinstance(resource, str) for resource in resources)
        passed_roles(action, request_)
