"""The gateway as clients see it: unmodified boto3, and the malformed requests that no SDK would send."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.support import ACCOUNT, Aws, unique


def code_of(call: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call()
    return str(raised.value.response["Error"]["Code"])


def raw(
    aws: Aws, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(aws.url).netloc, timeout=30)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def signed(service: str, key: str = "test") -> dict[str, str]:
    scope = f"{key}/20260101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


class TestBackend:
    """What the harness does not own reaches the backend as it was sent."""

    def test_s3_with_any_key_and_a_body_in_parts(self, aws: Aws) -> None:
        s3, bucket = aws.client("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        content = b"0123456789" * 2_000_000
        s3.put_object(Bucket=bucket, Key="a b/ü+?#%2F.txt", Body=content)
        assert s3.get_object(Bucket=bucket, Key="a b/ü+?#%2F.txt")["Body"].read() == content
        assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a b/ü+?#%2F.txt"]
        assert s3.head_object(Bucket=bucket, Key="a b/ü+?#%2F.txt")["ContentLength"] == len(content)

    def test_query_json_and_cbor_services(self, aws: Aws) -> None:
        assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT
        assert "logGroups" in aws.client("logs").describe_log_groups()
        aws.client("cloudwatch").put_metric_data(Namespace="n", MetricData=[{"MetricName": unique("m"), "Value": 1.0}])
        assert aws.client("cloudwatch").list_metrics(Namespace="n")["Metrics"]

    def test_managed_policies_are_part_of_the_account(self, aws: Aws) -> None:
        arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        assert aws.client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"] == arn

    def test_operations_of_sagemaker_that_are_not_hosting(self, aws: Aws) -> None:
        assert aws.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []

    def test_backend_errors_come_through(self, aws: Aws) -> None:
        assert code_of(lambda: aws.client("s3").head_bucket(Bucket=unique("none"))) == "404"
        assert code_of(lambda: aws.client("iam").get_role(RoleName="none")) == "NoSuchEntity"


class TestRefusals:
    """Each protocol's own error shape, never a traceback."""

    @pytest.mark.parametrize(
        ("service", "operation", "code"),
        [
            ("sagemaker", "list_models", "UnrecognizedClientException"),
            ("lambda", "list_functions", "UnrecognizedClientException"),
            ("cloudwatch", "list_metrics", "UnrecognizedClientException"),
            ("iam", "list_users", "InvalidClientTokenId"),
            ("ec2", "describe_instances", "InvalidClientTokenId"),
            ("s3", "list_buckets", "InvalidAccessKeyId"),
        ],
    )
    def test_a_key_that_nobody_issued(self, aws: Aws, service: str, operation: str, code: str) -> None:
        assert code_of(getattr(aws.client(service, key="AKIANOBODYISSUEDTHIS"), operation)) == code

    @pytest.mark.parametrize(
        ("method", "path", "headers", "status", "fragment"),
        [
            ("GET", "/bucket/key", {}, 403, b"<Code>AccessDenied</Code>"),
            ("POST", "/", {"X-Amz-Target": "SageMaker.ListModels"}, 403, b"MissingAuthenticationTokenException"),
            ("POST", "/endpoints/e/invocations", {}, 403, b"Missing Authentication Token"),
            ("GET", "/2015-03-31/functions", {}, 403, b"Missing Authentication Token"),
            ("POST", "/?Action=ListUsers", {}, 403, b"<Code>MissingAuthenticationToken</Code>"),
            (
                "POST",
                "/",
                {"X-Amz-Target": "SageMaker.ListModels", "Authorization": "Bearer x"},
                403,
                b"IncompleteSignature",
            ),
        ],
    )
    def test_an_unsigned_request(
        self, aws: Aws, method: str, path: str, headers: dict[str, str], status: int, fragment: bytes
    ) -> None:
        answer = raw(aws, method, path, headers=headers)
        assert answer[0] == status
        assert fragment in answer[2]
        assert b"Traceback" not in answer[2]

    @pytest.mark.parametrize(
        ("service", "headers", "path", "body", "fragment"),
        [
            ("sagemaker", {"X-Amz-Target": "SageMaker.Fly"}, "/", b"{}", b"UnknownOperationException"),
            ("sagemaker", {"X-Amz-Target": "SageMaker.ListModels"}, "/", b"{", b"SerializationException"),
            ("lambda", {}, "/2015-03-31/nothing", b"", b"No operation of lambda"),
            (
                "iam",
                {"Content-Type": "application/x-www-form-urlencoded"},
                "/",
                b"Action=Fly",
                b"<Code>InvalidAction</Code>",
            ),
            ("iam", {"Content-Type": "application/x-www-form-urlencoded"}, "/", b"", b"<Code>InvalidAction</Code>"),
        ],
    )
    def test_an_unknown_operation_or_a_malformed_body(
        self, aws: Aws, service: str, headers: dict[str, str], path: str, body: bytes, fragment: bytes
    ) -> None:
        status, _, answer = raw(aws, "POST", path, body, {**signed(service), **headers})
        assert status in (400, 404)
        assert fragment in answer

    def test_an_operation_that_is_not_part_of_the_harness(self, aws: Aws) -> None:
        assert code_of(aws.client("lambda").list_code_signing_configs) == "NotImplementedException"

    def test_a_body_over_the_runtime_limit(self, aws: Aws) -> None:
        """Body at most 6,291,456 bytes (botocore, BodyBlob)."""
        status, _, answer = raw(aws, "POST", "/endpoints/e/invocations", b"x" * 6_291_457, signed("sagemaker"))
        assert status == 413
        assert json.loads(answer)["message"] == "HTTP content length exceeded 6291456 bytes."

    def test_every_answer_has_a_request_id(self, aws: Aws) -> None:
        answer = aws.client("sagemaker").list_models()
        assert len(answer["ResponseMetadata"]["RequestId"]) == 36

    def test_a_control_call_that_does_not_exist(self, aws: Aws) -> None:
        administrator = signed("sagemaker-harness")
        assert raw(aws, "GET", "/_harness/nothing", headers=administrator)[0] == 404
        assert raw(aws, "PUT", "/_harness/endpoints/e", b"{", administrator)[0] == 400
        assert raw(aws, "PUT", "/_harness/endpoints/e", b'{"server": "vllm"}', administrator)[0] == 400

    def test_health_says_what_is_up(self, aws: Aws) -> None:
        health = json.loads(raw(aws, "GET", "/_harness/health")[2])
        assert (health["status"], health["account"]) == ("ok", ACCOUNT)


class TestPrincipals:
    """Every request is traced to a principal, and may do what its policies allow."""

    def test_a_role_without_a_policy_is_denied_with_awss_sentence(self, aws: Aws) -> None:
        role = aws.role()
        name = role.rpartition("/")[2]
        with pytest.raises(ClientError) as raised:
            aws.as_role(role, "sagemaker-runtime").invoke_endpoint(EndpointName="dogs", Body=b"x")
        assert raised.value.response["Error"]["Code"] == "AccessDeniedException"
        assert raised.value.response["Error"]["Message"] == (
            f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/session is not authorized to perform: "
            f"sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs because no "
            "identity-based policy allows the sagemaker:InvokeEndpoint action"
        )

    def test_one_statement_is_enough(self, aws: Aws) -> None:
        resource = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/dogs"
        role = aws.role({"invoke": allow("sagemaker:InvokeEndpoint", resource)})
        runtime = aws.as_role(role, "sagemaker-runtime")
        # Allowed, so the next thing that can be wrong is: there is no such endpoint.
        assert code_of(lambda: runtime.invoke_endpoint(EndpointName="dogs", Body=b"x")) == "ValidationError"
        assert code_of(lambda: runtime.invoke_endpoint(EndpointName="cats", Body=b"x")) == "AccessDeniedException"

    def test_a_managed_policy_counts(self, aws: Aws) -> None:
        role = aws.role()
        arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
        aws.client("iam").attach_role_policy(RoleName=role.rpartition("/")[2], PolicyArn=arn)
        runtime = aws.as_role(role, "sagemaker-runtime")
        assert code_of(lambda: runtime.invoke_endpoint(EndpointName="dogs", Body=b"x")) == "ValidationError"

    def test_a_policy_put_on_the_role_counts_at_once(self, aws: Aws) -> None:
        role = aws.role()
        sagemaker = aws.as_role(role, "sagemaker")
        assert code_of(sagemaker.list_models) == "AccessDeniedException"
        aws.client("iam").put_role_policy(
            RoleName=role.rpartition("/")[2],
            PolicyName="p",
            PolicyDocument=json.dumps(allow("sagemaker:ListModels", "*")),
        )
        assert "Models" in sagemaker.list_models()

    def test_a_users_group_counts(self, aws: Aws) -> None:
        iam, user, group = aws.client("iam"), unique("user"), unique("group")
        iam.create_user(UserName=user)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        sagemaker = aws.client("sagemaker", key["AccessKeyId"], key["SecretAccessKey"])
        assert code_of(sagemaker.list_models) == "AccessDeniedException"
        iam.create_group(GroupName=group)
        iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=json.dumps(allow("sagemaker:List*", "*")))
        iam.add_user_to_group(GroupName=group, UserName=user)
        assert "Models" in sagemaker.list_models()

    def test_s3_by_bucket_and_key(self, aws: Aws) -> None:
        s3, bucket = aws.client("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="open/a", Body=b"a")
        s3.put_object(Bucket=bucket, Key="closed/a", Body=b"a")
        role = aws.role({"read": allow("s3:GetObject", f"arn:aws:s3:::{bucket}/open/*")})
        as_role = aws.as_role(role, "s3")
        assert as_role.get_object(Bucket=bucket, Key="open/a")["Body"].read() == b"a"
        assert code_of(lambda: as_role.get_object(Bucket=bucket, Key="closed/a")) == "AccessDenied"
        assert code_of(lambda: as_role.put_object(Bucket=bucket, Key="open/b", Body=b"")) == "AccessDenied"

    def test_other_backend_services_by_action(self, aws: Aws) -> None:
        role = aws.role({"logs": allow("logs:DescribeLogGroups", "*")})
        assert "logGroups" in aws.as_role(role, "logs").describe_log_groups()
        assert code_of(aws.as_role(role, "cloudwatch").list_metrics) == "AccessDeniedException"
        assert code_of(aws.as_role(role, "iam").list_users) == "AccessDenied"

    def test_every_caller_may_ask_for_its_identity(self, aws: Aws) -> None:
        role = aws.role()
        assert role.rpartition("/")[2] in aws.as_role(role, "sts").get_caller_identity()["Arn"]


def allow(action: str, resource: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}]}
