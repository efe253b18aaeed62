"""What botocore signs is accepted, and nothing else. Source: IAM user guide, Signature Version 4."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.access.rules.signature import Fault, Message, Signature, find_fault

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
AUTHORIZATION = re.compile(r"Credential=(\S+?)/(\d+)/(\S+?)/(\S+?)/aws4_request, SignedHeaders=(\S+), Signature=(\w+)")


def sign(
    service: str,
    *,
    method: str = "POST",
    url: str = "http://127.0.0.1:4566/",
    body: bytes = b"{}",
    presign: bool = False,
    headers: Mapping[str, str] | None = None,
    token: str | None = None,
) -> tuple[Signature, Message]:
    """A request that botocore signed, as a service reads it."""
    request = AWSRequest(method, url, headers=dict(headers or {}), data=body)
    request.headers["Host"] = urlsplit(url).netloc
    kinds: dict[tuple[bool, bool], Any] = {
        (False, False): SigV4Auth,
        (False, True): SigV4QueryAuth,
        (True, False): S3SigV4Auth,
        (True, True): S3SigV4QueryAuth,
    }
    kinds[service == "s3", presign](Credentials("AKID", SECRET, token), service, "us-east-1").add_auth(request)
    parts = urlsplit(request.url)
    headers_sent = {name.lower(): value for name, value in request.headers.items()}
    message = Message(method, parts.path or "/", parts.query, headers_sent, body)
    if presign:
        parameters = {name: values[0] for name, values in parse_qs(parts.query).items()}
        scope = parameters["X-Amz-Credential"].split("/")
        names = parameters["X-Amz-SignedHeaders"].split(";")
        expires = int(parameters["X-Amz-Expires"])
        return Signature(*scope[:4], parameters["X-Amz-Date"], names, parameters["X-Amz-Signature"], expires), message
    authorization = AUTHORIZATION.search(headers_sent["authorization"])
    assert authorization is not None
    key, day, region, name, signed_names, signature = authorization.groups()
    return Signature(key, day, region, name, headers_sent["x-amz-date"], signed_names.split(";"), signature), message


REQUESTS: list[dict[str, Any]] = [
    {"service": "sagemaker", "headers": {"X-Amz-Target": "SageMaker.ListModels"}},
    {"service": "sagemaker", "url": "http://h/endpoints/a%20b/invocations", "body": b"\x00" * 1000},
    {"service": "lambda", "method": "GET", "url": "http://h/2015-03-31/x/f%3Alive?Qualifier=1&A=%2F", "body": b""},
    {"service": "lambda", "method": "GET", "url": "http://h/a//b/../c/", "body": b""},
    {"service": "iam", "token": "token", "body": b"Action=ListUsers"},
    {"service": "s3", "method": "PUT", "url": "http://h/b/a%20b/%C3%BC+%3F%252F", "body": b"x"},
    {"service": "s3", "method": "GET", "url": "http://h/b?list-type=2&prefix=a%2Fb&acl", "body": b""},
    {"service": "s3", "method": "GET", "url": "http://h/b/k", "body": b"", "presign": True},
    {"service": "sts", "method": "GET", "url": "http://h/?Action=GetCallerIdentity", "body": b"", "presign": True},
]  # fmt: skip


@pytest.mark.parametrize(
    "request_", REQUESTS, ids=lambda request: f"{request['service']}-{request.get('method', 'POST')}"
)
def test_what_botocore_signs(request_: dict[str, Any]) -> None:
    signed, message = sign(**request_)
    now = time.time()
    assert find_fault(signed, message, SECRET, now) is None
    assert find_fault(signed, message, SECRET + "x", now) is Fault.SIGNATURE
    assert find_fault(signed, replace(message, method="DELETE"), SECRET, now) is Fault.SIGNATURE
    assert find_fault(signed, replace(message, path=message.path + "x"), SECRET, now) is Fault.SIGNATURE
    assert find_fault(signed, replace(message, query=message.query + "&x=1"), SECRET, now) is Fault.SIGNATURE


def test_another_body() -> None:
    signed, message = sign("sagemaker")
    assert find_fault(signed, replace(message, body=b"{ }"), SECRET, time.time()) is Fault.SIGNATURE
    signed, message = sign("s3", method="PUT", url="http://h/b/k")
    assert message.headers["x-amz-content-sha256"] != "UNSIGNED-PAYLOAD"
    assert find_fault(signed, replace(message, body=b"other"), SECRET, time.time()) is Fault.PAYLOAD


def test_the_declared_hash_of_a_streamed_body_is_believed() -> None:
    signed, message = sign("s3", method="PUT", url="http://h/b/k")
    assert find_fault(signed, replace(message, body=None), SECRET, time.time()) is None


@pytest.mark.parametrize(("service", "minutes"), [("sagemaker", 5), ("s3", 15)])
def test_a_clock_that_is_off(service: str, minutes: int) -> None:
    """Five minutes, in S3 fifteen (as AWS's messages state them)."""
    signed, message = sign(service, url="http://h/b/k")
    now = time.time()
    for off in (1, -1):
        assert find_fault(signed, message, SECRET, now + off * (minutes * 60 - 5)) is None
        assert find_fault(signed, message, SECRET, now + off * (minutes * 60 + 5)) is Fault.TIME


def test_a_presigned_url_lasts_as_long_as_it_says() -> None:
    signed, message = sign("s3", method="GET", url="http://h/b/k", body=b"", presign=True)
    assert signed.expires == 3600
    now = time.time()
    assert find_fault(signed, message, SECRET, now + 3500) is None
    assert find_fault(signed, message, SECRET, now + 3700) is Fault.EXPIRED


@pytest.mark.parametrize("stamp", ["", "yesterday", "20200101T000000Z", "20261399T000000Z"])
def test_a_malformed_time_or_one_of_another_day(stamp: str) -> None:
    signed, message = sign("sagemaker")
    assert find_fault(replace(signed, stamp=stamp), message, SECRET, time.time()) is Fault.SIGNATURE


@settings(max_examples=50)
@given(st.text(max_size=20), st.text("abc/%?&=~ü", max_size=20), st.text("abc%&=+", max_size=20), st.binary(max_size=9))
def test_a_random_signature_is_refused(signature: str, path: str, query: str, body: bytes) -> None:
    signed, message = sign("sagemaker")
    broken = replace(message, path="/" + path, query=query, body=body)
    assert find_fault(replace(signed, value=signature), broken, SECRET, time.time()) is Fault.SIGNATURE
