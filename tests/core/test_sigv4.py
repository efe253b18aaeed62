"""Our signatures equal botocore's, byte for byte."""

from __future__ import annotations

import time
from calendar import timegm
from urllib.parse import quote

import pytest
from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials
from hypothesis import example, given
from hypothesis import strategies as st

from harness.core.sigv4 import UNSIGNED_HEADERS, SigningCredentials, signed_headers

printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
header_names = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,20}\Z").filter(
    lambda name: (
        name.lower() not in {"host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
    )
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
segments = st.one_of(st.sampled_from(["", ".", "..", "functions", "dog-breed:1"]), printable)
paths = st.lists(segments, max_size=6).map(lambda parts: "/" + "/".join(quote(part, safe=":") for part in parts))
queries = st.lists(st.tuples(printable, printable), max_size=4).map(
    lambda pairs: "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)
)


@given(
    method=st.sampled_from(["GET", "POST", "PUT"]),
    path=paths,
    query=queries,
    headers=st.dictionaries(header_names, header_values, max_size=5),
    body=st.binary(max_size=300),
    token=st.one_of(st.none(), printable),
    service=st.sampled_from(["lambda", "sagemaker", "monitoring"]),
)
@example("POST", "/2015-03-31/functions/arn%3Aaws%3Alambda/invocations", "", {}, b"{}", "t", "lambda")
@example(
    "POST", "//endpoints/../endpoints/./dog/invocations/", "b=2&a=1&a=0", {"X-A": "  a   b "}, b"", None, "sagemaker"
)
def test_equals_botocore(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, token: str | None, service: str
) -> None:
    if len({name.lower() for name in headers}) < len(headers):
        return
    headers = {"Host": "127.0.0.1:4566", **headers}
    request = AWSRequest(method, f"http://127.0.0.1:4566{path}{'?' + query if query else ''}", dict(headers), body)
    SigV4Auth(BotocoreCredentials("AKIA", "secret/+", token), service, "eu-west-1").add_auth(request)
    at = timegm(time.strptime(request.headers["X-Amz-Date"], "%Y%m%dT%H%M%SZ"))

    ours = signed_headers(
        SigningCredentials("AKIA", "secret/+", token), "eu-west-1", service,
        method=method, path=path, query=query, headers=headers, body=body, at=at,
    )  # fmt: skip

    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours["X-Amz-Date"] == request.headers["X-Amz-Date"]
    assert ours.get("X-Amz-Security-Token") == token


def test_leaves_out_the_headers_that_botocore_leaves_out() -> None:
    assert set(SIGNED_HEADERS_BLACKLIST) == UNSIGNED_HEADERS


@pytest.mark.parametrize("at", [0.0, 86_399.999, 1_770_000_000.5])
def test_the_key_follows_the_day(at: float) -> None:
    headers = signed_headers(
        SigningCredentials("a", "b"), "r", "s", method="GET", path="/", query="", headers={"Host": "h"}, body=b"", at=at
    )
    assert f"Credential=a/{time.strftime('%Y%m%d', time.gmtime(at))}/r/s/aws4_request" in headers["Authorization"]


def test_secrets_do_not_show_when_printed() -> None:
    assert repr(SigningCredentials("AKIA", "hidden", "hidden")) == "SigningCredentials(access_key='AKIA')"
