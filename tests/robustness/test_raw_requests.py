"""Paths, headers and query strings that no client library sends: each is answered in AWS's form, and never with 500."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.gateway.test_app import raw, signed
from tests.support import Aws

_PIECES = (
    *("a", "bucket", "k", "%00", "%20", "%2F", "%ff", "%", "%zz", "..", "/", "//", "+", "~", "=", "&", "?", ";", "."),
    *("2015-03-31", "functions", "endpoints", "v20180820", "tags", "9" * 5000, "-1", "%C3%BC", "member"),
)
TEXTS = st.lists(st.sampled_from(_PIECES), max_size=6).map("".join)
NAMES = ("Action", "X-Amz-Expires", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Algorithm", "X-Amz-Signature", "prefix",
         "X-Amz-SignedHeaders", "ActionNames.member." + "9" * 5000, "acl", "uploadId", "partNumber", "max-keys",
         "list-type", "versionId")  # fmt: skip
QUERIES = st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=4).map(
    lambda given: "&".join(f"{name}={value}" for name, value in given)
)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Amz-Target", "Content-Type", "Content-Encoding", "X-Amz-Date", "Range", "X-Amz-Copy-Source",
                     "X-Amz-Content-SHA256", "X-Amz-Decoded-Content-Length", "Smithy-Protocol", "Content-MD5"]),
    st.sampled_from(["", "x", "9" * 5000, "-1", "\u00b2", "gzip", "aws-chunked", "rpc-v2-cbor", "a.b.c", "bytes=1-",
                     "application/x-www-form-urlencoded", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "/bucket/%ff"]),
    max_size=4,
)  # fmt: skip


@settings(
    max_examples=150, phases=[Phase.generate], suppress_health_check=list(HealthCheck), derandomize=True, database=None
)
@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"]),
    path=TEXTS,
    query=QUERIES,
    headers=HEADERS,
    service=st.sampled_from(["", "s3", "iam", "lambda", "sagemaker", "monitoring", "dynamodb", "apigateway", "ec2"]),
)
def test_a_raw_request(aws: Aws, method: str, path: str, query: str, headers: dict[str, str], service: str) -> None:
    who = signed(service) if service else {}
    status, _, body = raw(aws, method, f"/{path}?{query}", b"", {**headers, **who})
    assert status != 500, body
    assert b"<html" not in body.lower()
    assert b"Traceback" not in body
