"""A request's credential, service, protocol and operation, as they are read off the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import AwsError
from harness.gateway.identify import Head, credential_of, identify, service_for
from harness.hosting.api import Hosting
from harness.hosting.runtime.api import HostingRuntime

SCOPE = "AKIDEXAMPLE/20260101/eu-west-1/sagemaker/aws4_request"


def head(method: str = "POST", path: str = "/", query: str = "", **headers: str) -> Head:
    return Head(method, path, query, {name.replace("_", "-"): value for name, value in headers.items()})


def test_the_credential_of_a_header() -> None:
    credential = credential_of(
        head(authorization=f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host, Signature=00")
    )
    assert credential is not None
    assert (credential.access_key, credential.region, credential.signing_name) == (
        "AKIDEXAMPLE",
        "eu-west-1",
        "sagemaker",
    )


def test_the_credential_of_a_presigned_url() -> None:
    credential = credential_of(
        head(
            query=f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={SCOPE.replace('/', '%2F')}"
            "&X-Amz-Date=20260101T000000Z&X-Amz-SignedHeaders=host&X-Amz-Expires=60&X-Amz-Signature=00"
        )
    )
    assert credential is not None
    assert credential.access_key == "AKIDEXAMPLE"


@pytest.mark.parametrize("header", ["Bearer token", "AWS AKID", "AWS4-HMAC-SHA256 Credential=AKID/2026"])
def test_an_authorization_that_is_not_sigv4(header: str) -> None:
    with pytest.raises(AwsError, match="IncompleteSignature"):
        credential_of(head(authorization=header))


def test_signature_version_2_is_refused_in_s3s_words() -> None:
    with pytest.raises(AwsError, match=r"InvalidRequest: .*Please use AWS4-HMAC-SHA256\."):
        credential_of(head(authorization="AWS AKID:signature"))


def test_a_presigned_url_with_half_a_scope() -> None:
    with pytest.raises(AwsError, match="AuthorizationQueryParametersError"):
        credential_of(head(query="X-Amz-Credential=AKID%2F2026"))


def test_cbor_names_its_operation_in_the_path() -> None:
    scope = SCOPE.replace("sagemaker", "monitoring")
    request = identify(
        head(
            path="/service/GraniteServiceVersion20100801/operation/PutMetricData",
            smithy_protocol="rpc-v2-cbor",
            authorization=f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        )
    )
    assert (request.service, request.protocol, request.operation_name) == (
        "cloudwatch",
        "smithy-rpc-v2-cbor",
        "PutMetricData",
    )


def test_a_service_that_botocore_does_not_know_is_refused() -> None:
    scope = SCOPE.replace("sagemaker", "no-such-thing")
    with pytest.raises(AwsError, match="No service of AWS signs as 'no-such-thing'"):
        identify(head(authorization=f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))


@pytest.mark.parametrize(
    ("signing_name", "path", "target", "service"),
    [
        ("sagemaker", "/", "SageMaker.CreateModel", "sagemaker"),
        ("sagemaker", "/endpoints/e/invocations", "", "sagemaker-runtime"),
        ("monitoring", "/", "", "cloudwatch"),
        ("dynamodb", "/", "DynamoDBStreams_20120810.ListStreams", "dynamodbstreams"),
        ("s3", "/bucket", "", "s3"),
        ("no-such-thing", "/", "", "no-such-thing"),
    ],
)
def test_services_that_share_a_signing_name_are_told_apart(
    signing_name: str, path: str, target: str, service: str
) -> None:
    owned = {service.service_name: service for service in (Hosting, HostingRuntime)}
    assert service_for(signing_name, head(path=path, x_amz_target=target), owned) == service


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"]),
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40).map(lambda text: "/" + text),
    query=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=40),
    service=st.sampled_from(["sagemaker", "lambda", "s3", "iam", "ec2", "monitoring", "logs", "x", ""]),
    content_type=st.sampled_from(["", "application/x-www-form-urlencoded", "application/json"]),
    target=st.sampled_from(["", "SageMaker.ListModels", "SageMaker.", ".", "Logs_20140328.PutLogEvents"]),
    form=st.binary(max_size=40),
)
def test_any_request_is_named_or_refused(
    method: str, path: str, query: str, service: str, content_type: str, target: str, form: bytes
) -> None:
    headers = {"content-type": content_type}
    if target:
        headers["x-amz-target"] = target
    if service:
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=k/20260101/r/{service}/aws4_request, SignedHeaders=host, Signature=0"
        )
    try:
        request = identify(Head(method, path, query, headers), form)
    except AwsError as error:
        assert 400 <= error.status < 500
    else:
        assert request.protocol
