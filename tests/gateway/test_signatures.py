"""Signatures that AWS refuses, by the key of a role: each is refused here too. Source: IAM user guide, SigV4."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.access.rules.object_body import ChunkSigner
from harness.access.rules.signature import Signature, signing_key
from harness.local_aws.client import LocalAwsClient
from tests.gateway.test_app import raw
from tests.support import Aws, unique

EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture(scope="module")
def credentials(aws: Aws) -> Credentials:
    """A role's that may do everything, so that only the signature refuses."""
    session = LocalAwsClient(aws.url).role_credentials(aws.role({"all": EVERYTHING}), "session")
    return Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])


@pytest.fixture(scope="module")
def bucket(aws: Aws) -> str:
    name = unique("bucket")
    aws.client("s3").create_bucket(Bucket=name)
    return name


class _Auth(SigV4Auth):
    """Leaves headers unsigned, and takes the payload's hash as it is told."""

    def __init__(self, *args: Any, unsigned: str = "", payload: str | None = None) -> None:
        super().__init__(*args)
        self._unsigned = unsigned
        self._payload = payload

    def headers_to_sign(self, request: Any) -> Any:
        headers = super().headers_to_sign(request)
        if self._unsigned:
            del headers[self._unsigned]
        return headers

    def payload(self, request: Any) -> str:
        return self._payload or str(super().payload(request))


def list_tables(aws: Aws, auth: SigV4Auth, target: str = "DynamoDB_20120810.ListTables") -> tuple[int, dict[str, Any]]:
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", f"{aws.url}/", headers=headers, data=b"{}")
    auth.add_auth(request)
    status, _, body = raw(aws, "POST", "/", b"{}", dict(request.headers.items()))
    return status, json.loads(body)


def test_what_is_signed_whole(aws: Aws, credentials: Credentials) -> None:
    assert list_tables(aws, _Auth(credentials, "dynamodb", "us-east-1"))[0] == 200


@pytest.mark.parametrize("name", ["host", "x-amz-target", "x-amz-security-token", "x-amz-date"])
def test_a_header_that_has_to_be_signed(aws: Aws, credentials: Credentials, name: str) -> None:
    status, answer = list_tables(aws, _Auth(credentials, "dynamodb", "us-east-1", unsigned=name))
    assert status == 403
    assert "must be a 'SignedHeader'" in answer["message"]


def test_an_unsigned_body_of_a_json_service(aws: Aws, credentials: Credentials) -> None:
    auth = _Auth(credentials, "dynamodb", "us-east-1", payload="UNSIGNED-PAYLOAD")
    assert list_tables(aws, auth)[0] == 403


@pytest.mark.parametrize("target", ["X.ListTables", "ListTables", "DynamoDB_20120810.ListTables.ListTables", "."])
def test_a_target_of_another_service(aws: Aws, credentials: Credentials, target: str) -> None:
    status, answer = list_tables(aws, _Auth(credentials, "dynamodb", "us-east-1"), target)
    assert (status, answer["__type"]) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    ("declared", "code"),
    [
        (sha256(b"other").hexdigest(), b"XAmzContentSHA256Mismatch"),
        ("x", b"InvalidArgument"),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", b"MissingContentLength"),
    ],
)
@pytest.mark.parametrize("query", ["", "?tagging"])
def test_an_s3_body_that_is_not_the_declared_one(
    aws: Aws, credentials: Credentials, bucket: str, declared: str, code: bytes, query: str
) -> None:
    path = f"/{bucket}/key{query}"
    request = AWSRequest("PUT", aws.url + path, data=b"mine", headers={"X-Amz-Content-SHA256": declared})
    auth = S3SigV4Auth(credentials, "s3", "us-east-1")
    auth.payload = lambda _, declared=declared: declared  # type: ignore[misc, method-assign]
    auth.add_auth(request)
    status, _, body = raw(aws, "PUT", path, b"mine", dict(request.headers.items()))
    assert 400 <= status < 500
    assert code in body
    keys = aws.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])
    assert keys == []


def test_chunks_that_are_signed(aws: Aws, credentials: Credentials, bucket: str) -> None:
    """STREAMING-AWS4-HMAC-SHA256-PAYLOAD: each chunk is signed after the one before it, the first after the head."""
    for altered, expected in ((False, 200), (True, 403)):
        path = f"/{bucket}/chunked"
        declared = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
        headers = {"X-Amz-Content-SHA256": declared, "X-Amz-Decoded-Content-Length": "5",
                   "Content-Encoding": "aws-chunked"}  # fmt: skip
        request = AWSRequest("PUT", aws.url + path, data=b"", headers=headers)
        auth = S3SigV4Auth(credentials, "s3", "us-east-1")
        auth.payload = lambda _, declared=declared: declared  # type: ignore[misc, method-assign]
        auth.add_auth(request)
        stamp = request.headers["X-Amz-Date"]
        signed = Signature("k", stamp[:8], "us-east-1", "s3", stamp, (), "")
        seed = request.headers["Authorization"].rpartition("Signature=")[2]
        scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
        signer = ChunkSigner(signing_key(signed, credentials.secret_key), stamp, scope, seed)
        first, last = (signer.sign_chunk(sha256(data).hexdigest()) for data in (b"hello", b""))
        content = b"HELLO" if altered else b"hello"
        body = f"5;chunk-signature={first}\r\n".encode() + content + f"\r\n0;chunk-signature={last}\r\n\r\n".encode()
        status, _, answer = raw(aws, "PUT", path, body, dict(request.headers.items()))
        assert status == expected, answer
    s3 = aws.client("s3")
    assert s3.get_object(Bucket=bucket, Key="chunked")["Body"].read() == b"hello"
    s3.delete_object(Bucket=bucket, Key="chunked")


def test_version_2_is_refused_in_s3s_words(aws: Aws, credentials: Credentials, bucket: str) -> None:
    """boto3's default for a presigned URL in us-east-1; S3 takes it for buckets from before June 2020 only."""
    s3 = aws.client("s3", credentials.access_key, credentials.secret_key, credentials.token, signature_version="s3")
    url = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    header = {"Authorization": "AWS key:c2lnbmF0dXJl"}
    for path, headers in ((url.removeprefix(aws.url), {}), (f"/{bucket}/k", header)):
        status, _, body = raw(aws, "GET", path, b"", headers)
        assert status == 400
        assert b"Please use AWS4-HMAC-SHA256. With boto3:" in body
