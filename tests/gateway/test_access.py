"""What the endpoint allows whom, through boto3. Sources: IAM user guide, policy evaluation logic; public logs."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.local_aws.options import LocalAwsOptions
from tests.support import ACCOUNT, REGION, Aws, running_aws, unique

IMAGE = "763104351884.dkr.ecr.us-east-1.amazonaws.com/pytorch-inference:2.6.0-cpu-py312-ubuntu22.04-sagemaker"
DOGS = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs"


def refused(call: Callable[..., Any], **members: Any) -> tuple[str, str]:
    """Code and message."""
    with pytest.raises(ClientError) as raised:
        call(**members)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def statement(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def invoke(client: Any) -> Callable[[], Any]:
    """An allowed one is told that there is no such endpoint."""
    return lambda: client.invoke_endpoint(EndpointName="dogs", Body=b"x")


@pytest.fixture
def user(aws: Aws) -> dict[str, str]:
    """A new user's name, key and secret."""
    name, iam = unique("user"), aws.client("iam")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {"name": name, "key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def grant(aws: Aws, user: dict[str, str], *statements: dict[str, Any]) -> None:
    body = json.dumps(document(*statements))
    aws.client("iam").put_user_policy(UserName=user["name"], PolicyName=unique("p"), PolicyDocument=body)


def as_user(aws: Aws, user: dict[str, str], service: str) -> Any:
    return aws.client(service, user["key"], user["secret"])


class TestConditions:
    def test_a_region_a_user_agent_and_a_target_model(self, aws: Aws, user: dict[str, str]) -> None:
        condition = {"StringEquals": {"aws:RequestedRegion": REGION, "sagemaker:TargetModel": "m.tar.gz"}}
        grant(aws, user, statement("sagemaker:InvokeEndpoint", Condition=condition))
        runtime = as_user(aws, user, "sagemaker-runtime")
        assert refused(invoke(runtime))[0] == "AccessDeniedException"
        named = refused(runtime.invoke_endpoint, EndpointName="dogs", Body=b"x", TargetModel="m.tar.gz")
        assert named[0] == "ValidationError"

    def test_a_variable_and_the_principals_tags(self, aws: Aws) -> None:
        iam = aws.client("iam")
        resource = "arn:aws:sagemaker:*:*:endpoint/${aws:PrincipalTag/team}"
        role = aws.role({"own": document(statement("sagemaker:InvokeEndpoint", resource))})
        runtime = aws.as_role(role, "sagemaker-runtime")
        assert refused(invoke(runtime))[0] == "AccessDeniedException"
        iam.tag_role(RoleName=role.rpartition("/")[2], Tags=[{"Key": "team", "Value": "dogs"}])
        assert refused(invoke(runtime))[0] == "ValidationError"

    def test_the_tags_of_a_resource_of_the_harness(self, aws: Aws, user: dict[str, str]) -> None:
        sagemaker, name = aws.client("sagemaker"), unique("model")
        sagemaker.create_model(
            ModelName=name, PrimaryContainer={"Image": IMAGE}, Tags=[{"Key": "team", "Value": "red"}]
        )
        for team, verdict in (("blue", False), ("red", True)):
            grant(
                aws,
                user,
                statement("sagemaker:DescribeModel", Condition={"StringEquals": {"aws:ResourceTag/team": team}}),
            )
            described = as_user(aws, user, "sagemaker").describe_model
            if verdict:
                assert described(ModelName=name)["ModelName"] == name
            else:
                assert refused(described, ModelName=name)[0] == "AccessDeniedException"

    def test_a_metric_namespace(self, aws: Aws, user: dict[str, str]) -> None:
        grant(
            aws,
            user,
            statement("cloudwatch:PutMetricData", Condition={"StringEquals": {"cloudwatch:namespace": "mine"}}),
        )
        put = as_user(aws, user, "cloudwatch").put_metric_data
        put(Namespace="mine", MetricData=[{"MetricName": "m", "Value": 1.0}])
        assert refused(put, Namespace="other", MetricData=[{"MetricName": "m", "Value": 1.0}])[0].startswith(
            "AccessDenied"
        )


class TestBoundariesAndSessions:
    def test_a_permissions_boundary_limits_a_role(self, aws: Aws) -> None:
        iam, role = aws.client("iam"), aws.role({"all": document(statement("sagemaker:*"))})
        body = json.dumps(document(statement("sagemaker:List*")))
        boundary = iam.create_policy(PolicyName=unique("boundary"), PolicyDocument=body)["Policy"]["Arn"]
        runtime = aws.as_role(role, "sagemaker-runtime")
        assert refused(invoke(runtime))[0] == "ValidationError"
        iam.put_role_permissions_boundary(RoleName=role.rpartition("/")[2], PermissionsBoundary=boundary)
        code, message = refused(invoke(runtime))
        assert code == "AccessDeniedException"
        assert message.endswith("because no permissions boundary allows the sagemaker:InvokeEndpoint action")
        assert "Models" in aws.as_role(role, "sagemaker").list_models()

    def test_session_policies_limit_a_session(self, aws: Aws) -> None:
        role = aws.role({"all": document(statement("sagemaker:*"))}, trusts_account=True)
        limits = json.dumps(document(statement("sagemaker:List*")))
        credentials = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="ss", Policy=limits)["Credentials"]
        keys = credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        assert "Models" in aws.client("sagemaker", *keys).list_models()
        message = refused(invoke(aws.client("sagemaker-runtime", *keys)))[1]
        assert message.endswith("because no session policy allows the sagemaker:InvokeEndpoint action")

    def test_a_managed_policy_as_session_policy(self, aws: Aws) -> None:
        role = aws.role({"all": document(statement("*"))}, trusts_account=True)
        arns = [{"arn": "arn:aws:iam::aws:policy/AmazonSageMakerReadOnly"}]
        credentials = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="ss", PolicyArns=arns)["Credentials"]
        keys = credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        assert "Models" in aws.client("sagemaker", *keys).list_models()
        assert refused(aws.client("iam", *keys).list_users)[0] == "AccessDenied"

    def test_a_role_assumed_by_a_user(self, aws: Aws, user: dict[str, str]) -> None:
        """The trust policy names the account: it is the user's own policies that decide then."""
        iam, name = aws.client("iam"), unique("role")
        trust = document({"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"})
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        sts = as_user(aws, user, "sts")
        code, message = refused(sts.assume_role, RoleArn=arn, RoleSessionName="mine")
        assert code == "AccessDenied"
        assert message.startswith(
            f"User: arn:aws:iam::{ACCOUNT}:user/{user['name']} is not authorized to perform: sts:A"
        )
        grant(aws, user, statement("sts:AssumeRole", arn))
        assert sts.assume_role(RoleArn=arn, RoleSessionName="mine")["Credentials"]
        untrusting = aws.role()
        grant(aws, user, statement("sts:AssumeRole", untrusting))
        message = refused(sts.assume_role, RoleArn=untrusting, RoleSessionName="mine")[1]
        assert message.endswith("because no role trust policy allows the sts:AssumeRole action")


class TestResourcePolicies:
    @pytest.fixture
    def bucket(self, aws: Aws) -> str:
        name, s3 = unique("bucket"), aws.client("s3")
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="k", Body=b"k")
        return name

    def put(self, aws: Aws, bucket: str, *statements: dict[str, Any]) -> None:
        aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document(*statements)))

    def test_a_bucket_that_grants(self, aws: Aws, user: dict[str, str], bucket: str) -> None:
        get, arn = as_user(aws, user, "s3").get_object, f"arn:aws:iam::{ACCOUNT}:user/{user['name']}"
        code, message = refused(get, Bucket=bucket, Key="k")
        assert (code, message) == (
            "AccessDenied",
            f'User: {arn} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::{bucket}/k" '
            "because no identity-based policy allows the s3:GetObject action",
        )
        self.put(aws, bucket, statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": arn}))
        assert get(Bucket=bucket, Key="k")["Body"].read() == b"k"
        aws.client("s3").delete_bucket_policy(Bucket=bucket)
        assert refused(get, Bucket=bucket, Key="k")[0] == "AccessDenied"

    def test_a_bucket_that_denies(self, aws: Aws, user: dict[str, str], bucket: str) -> None:
        grant(aws, user, statement("s3:*"))
        self.put(aws, bucket, statement("s3:DeleteObject", f"arn:aws:s3:::{bucket}/*", "Deny", Principal="*"))
        s3 = as_user(aws, user, "s3")
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k"]
        message = refused(s3.delete_object, Bucket=bucket, Key="k")[1]
        assert message.endswith("with an explicit deny in a resource-based policy")
        batch = {"Objects": [{"Key": "k"}]}
        assert refused(s3.delete_objects, Bucket=bucket, Delete=batch)[0] == "AccessDenied"

    def test_a_bucket_for_everybody(self, aws: Aws, bucket: str) -> None:
        s3 = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=aws.url,
            config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
        )
        assert refused(s3.get_object, Bucket=bucket, Key="k") == ("AccessDenied", "Access Denied")
        self.put(aws, bucket, statement("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*"))
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"k"
        assert refused(s3.delete_object, Bucket=bucket, Key="k") == ("AccessDenied", "Access Denied")

    def test_after_a_refused_upload_the_connection_is_usable(self, aws: Aws, user: dict[str, str], bucket: str) -> None:
        """boto3 waits for a 100 before it sends an object, and keeps it when it is refused instead."""
        grant(aws, user, statement("s3:GetObject"))
        s3 = as_user(aws, user, "s3")
        assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"another")[0] == "AccessDenied"
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"k"

    def test_a_malformed_bucket_policy(self, aws: Aws, bucket: str) -> None:
        code, message = refused(aws.client("s3").put_bucket_policy, Bucket=bucket, Policy='{"Statement": [{}]}')
        assert code == "MalformedPolicy"
        assert "Statement[0]: Effect must be" in message


class TestPassingRoles:
    def test_create_model_needs_pass_role(self, aws: Aws, user: dict[str, str]) -> None:
        role, name = aws.role(service="sagemaker.amazonaws.com"), unique("model")
        grant(aws, user, statement("sagemaker:CreateModel"))
        create = as_user(aws, user, "sagemaker").create_model
        members = {"ModelName": name, "ExecutionRoleArn": role, "PrimaryContainer": {"Image": IMAGE}}
        code, message = refused(create, **members)
        assert code == "AccessDeniedException"
        assert f"is not authorized to perform: iam:PassRole on resource: {role} because no identity-based" in message
        to = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        grant(aws, user, statement("iam:PassRole", role, Condition=to))
        assert refused(create, **members)[0] == "AccessDeniedException"
        to = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        grant(aws, user, statement("iam:PassRole", role, Condition=to))
        assert create(**members)["ModelArn"].endswith(name)

    def test_create_function_needs_pass_role(self, aws: Aws, user: dict[str, str]) -> None:
        grant(aws, user, statement("lambda:CreateFunction"))
        create = as_user(aws, user, "lambda").create_function
        members = {"Runtime": "python3.12", "Handler": "a.b", "Code": {"ZipFile": b"x"}, "FunctionName": unique("f")}
        assert "iam:PassRole" in refused(create, Role=aws.role(), **members)[1]

    def test_sagemaker_must_be_able_to_assume_it(self, aws: Aws) -> None:
        """As public logs quote it."""
        role = aws.role(service="lambda.amazonaws.com")
        members = {"ModelName": unique("m"), "PrimaryContainer": {"Image": IMAGE}, "ExecutionRoleArn": role}
        code, message = refused(aws.client("sagemaker").create_model, **members)
        assert code == "ValidationException"
        assert message == (
            f'The execution role ARN "{role}" is invalid. Please ensure that the role exists and that its trust '
            'relationship policy allows the action "sts:AssumeRole" for the service principal '
            '"sagemaker.amazonaws.com".'
        )


class TestPolicyDocuments:
    @pytest.mark.parametrize("text", ["{", '{"Statement": [{"Effect": "Allow", "Action": "s3:Get", "Resource": "x"}]}'])
    def test_a_malformed_policy_is_refused_as_iam_does_and_the_log_has_the_place(
        self, aws: Aws, text: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("INFO", "harness.access.operations.documents")
        name = aws.role().rpartition("/")[2]
        code, message = refused(
            aws.client("iam").put_role_policy, RoleName=name, PolicyName="mine", PolicyDocument=text
        )
        assert code == "MalformedPolicyDocument"
        assert message in ("Syntax errors in policy.", 'Resource x must be in ARN format or "*".')
        assert "policy mine" in caplog.text
        assert "line 1 column 2" in caplog.text or "Statement[0]: Resource 'x' must be an ARN" in caplog.text

    def test_a_caller_who_may_not_write_a_policy_is_not_told_its_fault(self, aws: Aws, user: dict[str, str]) -> None:
        put = as_user(aws, user, "iam").put_role_policy
        assert refused(put, RoleName="r", PolicyName="p", PolicyDocument="{")[0] == "AccessDenied"

    def test_a_trust_policy_and_a_session_policy(self, aws: Aws) -> None:
        iam, body = aws.client("iam"), json.dumps(document(statement("sts:AssumeRole")))
        made = refused(iam.create_role, RoleName=unique("r"), AssumeRolePolicyDocument=body)
        assert made[0] == "MalformedPolicyDocument"
        assumed = refused(
            aws.client("sts").assume_role, RoleArn=aws.role(), RoleSessionName="ss", Policy='{"Statement": [{}]}'
        )
        assert assumed[0] == "MalformedPolicyDocument"

    def test_a_policy_that_is_too_long(self, aws: Aws) -> None:
        """Botocore, policyDocumentType: at most 131,072 characters."""
        name, text = aws.role().rpartition("/")[2], json.dumps(document(statement("s3:*"))) + " " * 10_000_000
        code, message = refused(aws.client("iam").put_role_policy, RoleName=name, PolicyName="p", PolicyDocument=text)
        assert code in ("ValidationError", "413")
        assert "131072" in message or "exceeded" in message


class TestCredentials:
    def test_a_wrong_secret(self, aws: Aws, user: dict[str, str]) -> None:
        wrong = {**user, "secret": "x" * 40}
        assert refused(as_user(aws, wrong, "sagemaker").list_models)[0] == "InvalidSignatureException"
        assert refused(as_user(aws, wrong, "iam").list_users)[0] == "SignatureDoesNotMatch"
        code, message = refused(as_user(aws, wrong, "s3").list_buckets)
        assert code == "SignatureDoesNotMatch"
        assert message.startswith("The request signature we calculated does not match the signature you provided.")

    def test_a_key_that_is_inactive_or_deleted(self, aws: Aws, user: dict[str, str]) -> None:
        iam, who = aws.client("iam"), as_user(aws, user, "sts").get_caller_identity
        assert who()["Arn"].endswith(user["name"])
        for status, works in (("Inactive", False), ("Active", True)):
            iam.update_access_key(UserName=user["name"], AccessKeyId=user["key"], Status=status)
            if works:
                assert who()["Arn"].endswith(user["name"])
            else:
                assert refused(who)[0] == "InvalidClientTokenId"
        iam.delete_access_key(UserName=user["name"], AccessKeyId=user["key"])
        assert refused(who)[0] == "InvalidClientTokenId"

    def test_a_foreign_and_a_missing_token(self, aws: Aws) -> None:
        role = aws.role({"all": document(statement("*"))}, trusts_account=True)
        sessions = [
            aws.client("sts").assume_role(RoleArn=role, RoleSessionName=name)["Credentials"] for name in ("one", "two")
        ]
        key, secret, foreign = sessions[0]["AccessKeyId"], sessions[0]["SecretAccessKey"], sessions[1]["SessionToken"]
        for token in (foreign, None):
            assert refused(aws.client("sagemaker", key, secret, token).list_models)[0] == "UnrecognizedClientException"
            assert refused(aws.client("iam", key, secret, token).list_users)[0] == "InvalidClientTokenId"
            assert refused(aws.client("s3", key, secret, token).list_buckets)[0] == "InvalidToken"

    def test_an_expired_session(self, aws: Aws) -> None:
        role = aws.role({"all": document(statement("*"))}, trusts_account=True)
        credentials = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="ss")["Credentials"]
        keys = aws.local.access.state.keys
        key = keys.get(credentials["AccessKeyId"])
        assert key is not None
        assert key.expires == credentials["Expiration"].timestamp()
        keys.add(replace(key, expires=1.0))
        keys_of_session = credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]
        code, message = refused(aws.client("sagemaker", *keys_of_session).list_models)
        assert (code, message) == ("ExpiredTokenException", "The security token included in the request is expired")
        assert refused(aws.client("iam", *keys_of_session).list_users)[0] == "ExpiredToken"
        assert refused(aws.client("s3", *keys_of_session).list_buckets)[0] == "ExpiredToken"

    def test_a_presigned_url(self, aws: Aws, user: dict[str, str]) -> None:
        bucket, s3 = unique("bucket"), aws.client("s3")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="a b", Body=b"there")
        grant(aws, user, statement("s3:GetObject"))
        signer = aws.client("s3", user["key"], user["secret"], signature_version="s3v4")
        url = signer.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "a b"})
        with urllib.request.urlopen(url) as answer:
            assert answer.read() == b"there"
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(url.replace("a%20b", "a%20c"))
        assert b"SignatureDoesNotMatch" in raised.value.read()

    def test_a_key_that_the_harness_did_not_issue_is_unknown(self, aws: Aws) -> None:
        name, iam = unique("user"), aws.local.backend.client("iam")
        iam.create_user(UserName=name)
        key = iam.create_access_key(UserName=name)["AccessKey"]["AccessKeyId"]
        assert refused(aws.client("sts", key, "unknown").get_caller_identity)[0] == "InvalidClientTokenId"


class TestOtherServices:
    @pytest.mark.parametrize(
        ("service", "operation", "members", "code", "words"),
        [
            ("ec2", "describe_instances", {}, "UnauthorizedOperation", "ec2:DescribeInstances on resource: *"),
            ("sqs", "list_queues", {}, "AccessDeniedException", "sqs:ListQueues on resource: *"),
            ("sns", "create_topic", {"Name": "t"}, "AccessDenied", "sns:CreateTopic on resource: arn:aws:sns:"),
            ("logs", "describe_log_streams", {"logGroupName": "g"}, "AccessDeniedException",
             f"logs:DescribeLogStreams on resource: arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g"),
            ("secretsmanager", "get_secret_value", {"SecretId": "s"}, "AccessDeniedException", ":secret:s-??????"),
            ("s3", "list_buckets", {}, "AccessDenied", "s3:ListAllMyBuckets"),
            ("route53", "get_hosted_zone", {"Id": "Z1"}, "AccessDenied",
             "route53:GetHostedZone on resource: arn:aws:route53:::hostedzone/Z1 because"),
        ],
    )  # fmt: skip
    def test_awss_code_and_the_resource(
        self,
        aws: Aws,
        user: dict[str, str],
        service: str,
        operation: str,
        members: dict[str, Any],
        code: str,
        words: str,
    ) -> None:
        refusal = refused(getattr(as_user(aws, user, service), operation), **members)
        assert refusal[0] == code
        assert words in refusal[1]

    def test_by_resource(self, aws: Aws, user: dict[str, str]) -> None:
        group = unique("group")
        grant(aws, user, statement("logs:*", f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}*"))
        logs = as_user(aws, user, "logs")
        logs.create_log_group(logGroupName=group)
        assert refused(logs.create_log_group, logGroupName=unique("other"))[0] == "AccessDeniedException"

    def test_a_user_name_that_is_left_out_is_the_callers(self, aws: Aws, user: dict[str, str]) -> None:
        grant(aws, user, statement("iam:ListAccessKeys", "arn:aws:iam::*:user/${aws:username}"))
        assert as_user(aws, user, "iam").list_access_keys()["AccessKeyMetadata"][0]["UserName"] == user["name"]
        assert refused(as_user(aws, user, "iam").list_access_keys, UserName="somebody")[0] == "AccessDenied"


class TestCallLog:
    def test_calls_are_logged_with_the_statement_that_decided(self, aws: Aws) -> None:
        role = aws.role({"invoke": document(statement("s3:*"), statement("sagemaker:InvokeEndpoint", DOGS))})
        runtime = aws.as_role(role, "sagemaker-runtime")
        refused(invoke(runtime))
        refused(invoke(runtime))
        refused(runtime.invoke_endpoint, EndpointName="cats", Body=b"x")
        calls = {call.resource: call for call in aws.local.access.state.calls.entries() if call.principal == role}
        assert (calls[DOGS].count, calls[DOGS].allowed, calls[DOGS].policy, calls[DOGS].statement) == (
            2,
            True,
            "invoke",
            1,
        )
        cats = calls[DOGS.replace("dogs", "cats")]
        assert (cats.count, cats.allowed, cats.statement) == (1, False, None)
        assert cats.reason == "no identity-based policy allows it"


@pytest.fixture(scope="module")
def strict() -> Iterator[Aws]:
    with running_aws(LocalAwsOptions(port=0, administrator=False)) as aws:
        yield aws


class TestWithoutTheWellKnownKey:
    def test_it_is_refused_and_a_new_key_is_the_administrators(self, strict: Aws) -> None:
        assert refused(strict.client("sagemaker").list_models)[0] == "UnrecognizedClientException"
        key, secret = strict.local.administrator
        assert "Models" in strict.client("sagemaker", key, secret).list_models()
        assert strict.client("iam", key, secret).list_users()["Users"]
        assert refused(strict.client("iam", key, "wrong").list_users)[0] == "SignatureDoesNotMatch"
