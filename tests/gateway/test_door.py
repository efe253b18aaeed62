"""What nobody gets through the gateway: the emulator's own paths, anything unsigned that AWS does not take unsigned,
and the harness's own calls without the administrator's signature."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from harness.gateway.backend_services import service_of
from harness.local_aws.client import CallRefused, LocalAwsClient
from harness.local_aws.options import LocalAwsOptions
from tests.gateway.test_app import raw, signed
from tests.support import Aws, running_aws, unique

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")


class TestPathsOfTheEmulatorsOwn:
    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize(
        "path",
        [
            "/moto-api/reset",
            "/moto-api/data.json",
            "/moto-api/",
            "/moto-api",
            "//moto-api/reset",
            "/%6doto-api/reset",
            "/Moto-API/reset",
            "/moto-api%2Freset",
            "/latest/meta-data/iam/security-credentials/",
            "/latest/api/token",
            "/latest",
            "/_localstack/health",
            "/_localstack/state/reset",
            "/_aws/sqs/messages",
        ],
    )
    @pytest.mark.parametrize("headers", [{}, signed("s3"), signed("iam"), signed("execute-api")])
    def test_are_refused_in_words_signed_or_not(
        self, aws: Aws, method: str, path: str, headers: dict[str, str]
    ) -> None:
        status, _, body = raw(aws, method, path, headers=headers)
        assert status == 403
        assert method == "HEAD" or b"no operation of AWS" in body

    def test_nothing_of_it_was_done(self, aws: Aws) -> None:
        s3, bucket = aws.client("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        raw(aws, "POST", "/moto-api/reset")
        raw(aws, "POST", "/moto-api/reset", headers=signed("s3"))
        s3.head_bucket(Bucket=bucket)


class TestWhatIsNoOperation:
    @pytest.mark.parametrize("service", ["motoapi.amazonaws.com", "169.254.169.254", "moto_api", "nothing", "s3.x"])
    def test_a_signing_name_that_no_service_has(self, aws: Aws, service: str) -> None:
        status, _, body = raw(aws, "GET", "/anything", headers=signed(service))
        assert status == 404
        assert b"No service of AWS signs as" in body

    @pytest.mark.parametrize(
        ("method", "path", "service", "status"),
        [
            ("PATCH", "/bucket/key", "s3", 405),
            ("POST", "/bucket", "s3", 405),
            ("PUT", "/", "s3", 405),
            ("GET", "/2013-04-01/nothing", "route53", 404),
            ("GET", "/nothing", "lambda", 404),
            ("GET", "/nothing", "apigateway", 404),
        ],
    )
    def test_a_path_or_method_that_the_service_does_not_have(
        self, aws: Aws, method: str, path: str, service: str, status: int
    ) -> None:
        assert raw(aws, method, path, headers=signed(service))[0] == status

    def test_every_signing_name_of_botocores_models_is_a_services(self) -> None:
        loader = Loader()
        services = set(loader.list_available_services("service-2"))
        for service in sorted(services):
            metadata = loader.load_service_model(service, "service-2")["metadata"]
            signing_name = metadata.get("signingName") or metadata["endpointPrefix"]
            assert service_of(signing_name, "", "") in services, (service, signing_name)


def unsigned(aws: Aws, service: Any) -> Any:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, region_name="us-east-1", endpoint_url=aws.url, config=config)


def code_of(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**members)
    return str(raised.value.response["Error"]["Code"])


class TestUnsigned:
    """Botocore's models say which operations take no signature (authtype none, noAuth)."""

    def test_cognito_names_an_identity_to_who_has_no_key(self, aws: Aws) -> None:
        pools = aws.client("cognito-identity")
        pool = pools.create_identity_pool(IdentityPoolName=unique("pool"), AllowUnauthenticatedIdentities=True)
        identity = unsigned(aws, "cognito-identity").get_id(IdentityPoolId=pool["IdentityPoolId"])["IdentityId"]
        assert identity.startswith("us-east-1:")

    @pytest.mark.parametrize(
        ("service", "operation", "members", "code"),
        [
            ("cognito-idp", "create_user_pool", {"PoolName": "p"}, "MissingAuthenticationTokenException"),
            ("cognito-idp", "list_users", {"UserPoolId": "us-east-1_x"}, "MissingAuthenticationTokenException"),
            ("cognito-identity", "delete_identity_pool", {"IdentityPoolId": "us-east-1:x"},
             "MissingAuthenticationTokenException"),
            ("logs", "describe_log_groups", {}, "MissingAuthenticationTokenException"),
            ("iam", "create_user", {"UserName": "mallory"}, "MissingAuthenticationToken"),
            ("sts", "get_caller_identity", {}, "MissingAuthenticationToken"),
            ("sqs", "list_queues", {}, "MissingAuthenticationTokenException"),
            ("s3", "list_buckets", {}, "AccessDenied"),
            ("dynamodb", "list_tables", {}, "MissingAuthenticationTokenException"),
        ],
    )  # fmt: skip
    def test_every_other_operation_is_refused(
        self, aws: Aws, service: str, operation: str, members: dict[str, Any], code: str
    ) -> None:
        assert code_of(getattr(unsigned(aws, service), operation), **members) == code

    def test_a_token_that_nobody_can_verify_gives_no_role(self, aws: Aws) -> None:
        arn, sts = aws.role(), unsigned(aws, "sts")
        web = {"RoleArn": arn, "RoleSessionName": "session", "WebIdentityToken": "x" * 20}
        assert code_of(sts.assume_role_with_web_identity, **web) == "InvalidIdentityToken"
        saml = {"RoleArn": arn, "PrincipalArn": f"{arn}-provider", "SAMLAssertion": "x" * 20}
        assert code_of(sts.assume_role_with_saml, **saml) == "InvalidIdentityToken"

    def test_a_bucket_policy_lets_everybody_read(self, aws: Aws) -> None:
        s3, bucket = aws.client("s3"), unique("bucket")
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="k", Body=b"open")
        assert code_of(unsigned(aws, "s3").get_object, Bucket=bucket, Key="k") == "AccessDenied"
        allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": allow}))
        assert unsigned(aws, "s3").get_object(Bucket=bucket, Key="k")["Body"].read() == b"open"
        assert code_of(unsigned(aws, "s3").put_object, Bucket=bucket, Key="k", Body=b"") == "AccessDenied"


@pytest.fixture(scope="module")
def closed() -> Iterator[Aws]:
    """A local AWS with --no-administrator."""
    with running_aws(LocalAwsOptions(port=0, administrator=False)) as aws:
        yield aws


CONTROLS = [
    ("GET", "scaling"),
    ("GET", "access"),
    ("GET", "clock"),
    ("PUT", "clock"),
    ("PUT", "endpoints/e"),
    ("PUT", "plans/e"),
    ("POST", "reset"),
    ("GET", "nothing"),
    ("POST", "health"),
]


class TestControl:
    """The calls below /_harness/ are the administrator's."""

    @pytest.mark.parametrize(("method", "path"), CONTROLS)
    def test_an_unsigned_call_is_refused(self, aws: Aws, method: str, path: str) -> None:
        status, _, body = raw(aws, method, f"/_harness/{path}", b"{}")
        assert status == 403
        assert json.loads(body)["message"].startswith(f"The harness answers {method} /_harness/{path} to the account's")

    @pytest.mark.parametrize(("method", "path"), CONTROLS)
    @pytest.mark.parametrize("service", ["s3", "sagemaker-harness"])
    def test_the_well_known_key_is_refused_where_it_is_no_administrators(
        self, closed: Aws, method: str, path: str, service: str
    ) -> None:
        assert raw(closed, method, f"/_harness/{path}", b"{}", signed(service))[0] == 403

    def test_a_wrong_secret_is_refused(self, closed: Aws) -> None:
        assert closed.local.administrator is not None
        key, _ = closed.local.administrator
        with pytest.raises(CallRefused, match="does not match the signature"):
            LocalAwsClient(closed.url, (key, "wrong")).set_speed(2)

    def test_a_user_who_may_do_everything_is_not_the_administrator(self, closed: Aws) -> None:
        assert closed.local.administrator is not None
        iam, name = closed.client("iam", *closed.local.administrator), unique("user")
        iam.create_user(UserName=name)
        everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        iam.put_user_policy(
            UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": everything})
        )
        key = iam.create_access_key(UserName=name)["AccessKey"]
        with pytest.raises(CallRefused, match="to the account's administrator only"):
            LocalAwsClient(closed.url, (key["AccessKeyId"], key["SecretAccessKey"])).reset()

    def test_the_administrator_is_answered(self, closed: Aws) -> None:
        client = LocalAwsClient(closed.url, closed.local.administrator)
        assert client.clock()["speed"] == 1
        client.set_speed(1)
        client.put_endpoint("e", {"server": "asgi"})

    def test_everybody_may_ask_whether_it_is_up_and_learns_no_address(self, closed: Aws) -> None:
        status, _, body = raw(closed, "GET", "/_harness/health")
        assert status == 200
        assert json.loads(body)["backend"] == "moto"
        assert b"http" not in body
