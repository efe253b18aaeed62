"""The gateway and the backend read the same request, whatever tricks are in it: one action, each value once.

What goes to the backend is read here by moto's own parsers (botocore's for CBOR).
"""

from __future__ import annotations

import gzip
import io
import time
from collections.abc import AsyncIterator
from datetime import UTC
from typing import Any
from urllib.parse import parse_qsl, quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.utils import get_service_model
from werkzeug.datastructures import Headers, MultiDict

from harness.backend.transport import BackendRequest
from harness.core.errors import AwsError
from harness.gateway.canonical import canonical, members_of
from harness.gateway.content_encoding import decoded
from harness.gateway.identify import AwsRequest, Head, identify
from harness.local_aws.client import LocalAwsClient
from tests.gateway.test_app import raw
from tests.gateway.wire.shapes import members
from tests.gateway.wire.test_query import pruned
from tests.support import Aws

LIMIT = 1_000_000
# Protocol, service, operation, and an operation of the same service that nobody asked for.
OPERATIONS = [
    ("query", "iam", "CreateRole", "AttachRolePolicy"),
    ("query", "sns", "CreateTopic", "DeleteTopic"),
    ("query", "cloudwatch", "PutMetricAlarm", "DeleteAlarms"),
    ("ec2", "ec2", "CreateVpcEndpoint", "RunInstances"),
    ("json", "dynamodb", "PutItem", "DeleteTable"),
    ("json", "sqs", "SendMessage", "DeleteQueue"),
    ("json", "secretsmanager", "CreateSecret", "DeleteSecret"),
    ("json", "cloudwatch", "PutMetricData", "DeleteAlarms"),
    ("smithy-rpc-v2-cbor", "cloudwatch", "PutMetricData", "DeleteAlarms"),
]
TRICKS = ["none", "query action", "doubled action", "doubled member", "gzip", "target", "content type",
          "unknown member", "credential in header", "account header", "host", "user agent"]  # fmt: skip


def sent(
    protocol: str, service: str, operation: str, request: dict[str, Any], trick: str, other: str
) -> tuple[Head, bytes]:
    """A request as boto3 sends it, with a trick."""
    model = get_service_model(service)
    written = create_serializer(protocol, include_validation=False).serialize_to_request(
        request, model.operation_model(operation)
    )
    headers = {name.lower(): str(value) for name, value in written["headers"].items()}
    body = written["body"]
    if isinstance(body, dict):
        body = AWSRequest("POST", "http://x/", data=body).prepare().body
    content = body.encode() if isinstance(body, str) else bytes(body)
    scope = f"KEY/20260101/us-east-1/{model.signing_name}/aws4_request"
    headers |= {
        "host": "127.0.0.1:4566",
        "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
    }
    query = ""
    if trick == "query action":
        query = f"Action={other}"
    elif trick == "doubled action" and protocol in ("query", "ec2"):
        content += f"&Action={other}".encode()
    elif trick == "doubled member":
        content += b"&UserName=b&UserName=c" if protocol in ("query", "ec2") else b""
    elif trick == "gzip":
        content = gzip.compress(content)
        headers["content-encoding"] = "gzip"
    elif trick == "target" and protocol != "json":
        headers["x-amz-target"] = f"X.{other}"
    elif trick == "content type" and protocol in ("json", "smithy-rpc-v2-cbor"):
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif trick == "unknown member" and protocol in ("query", "ec2"):
        content += f"&Nobody.Knows={other}".encode()
    elif trick == "credential in header":
        headers["authorization"] += f" Credential=ADMIN/20260101/us-east-1/{model.signing_name}/aws4_request"
    elif trick == "account header":
        headers["x-moto-account-id"] = "999999999999"
    elif trick == "host":
        headers["host"] = "iam.eu-west-1.amazonaws.com"
    elif trick == "user agent":
        headers["user-agent"] = "Boto3/1.0 region/eu-west-1"
    return Head("POST", str(written["url_path"]), query, headers), content


def read_by_gateway(head: Head, wire: bytes) -> tuple[AwsRequest, dict[str, Any], BackendRequest]:
    content = decoded(head.headers.get("content-encoding", ""), wire, LIMIT)
    request = identify(head, content if head.is_form else b"")
    given_members = members_of(request, head, content)
    return request, given_members, canonical(request, head, given_members, None, "us-east-1")


def read_by_backend(protocol: str, service: str, request: BackendRequest) -> tuple[str, Any]:
    """The operation and its members, as moto reads them."""
    assert isinstance(request.body, bytes)
    headers = Headers(list(request.headers))
    assert len({name.lower() for name, _ in request.headers}) == len(request.headers)
    form = parse_qsl(request.body.decode("latin-1"), keep_blank_values=True) if protocol in ("query", "ec2") else []
    if form:
        assert len(dict(form)) == len(form)
        name = dict(form)["Action"]
    elif protocol == "json":
        name = headers["x-amz-target"].rpartition(".")[2]
    else:
        name = request.path.rpartition("/")[2]
    assert not request.query
    operation = get_service_model(service).operation_model(name)
    if protocol == "smithy-rpc-v2-cbor":
        parser: Any = create_parser(protocol)
        return name, parser.parse_data_item(io.BufferedReader(io.BytesIO(request.body)))
    values = MultiDict(form)
    read = PROTOCOL_PARSERS[protocol](operation).parse(
        {"method": request.method, "values": values, "headers": headers, "body": request.body,
         "url_path": request.path, "url_params": {}}
    )  # fmt: skip
    return name, read


@pytest.mark.parametrize(("protocol", "service", "operation", "other"), OPERATIONS)
@pytest.mark.parametrize("trick", TRICKS)
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_backend_reads_what_the_gateway_decides_on(
    protocol: str, service: str, operation: str, other: str, trick: str, data: st.DataObject
) -> None:
    shape = get_service_model(service).operation_model(operation).input_shape
    head, wire = sent(protocol, service, operation, data.draw(members(shape)), trick, other)
    try:
        request, decided, forwarded = read_by_gateway(head, wire)
    except AwsError as error:
        assert trick != "none"
        assert 400 <= error.status < 500
        return
    name, read = read_by_backend(protocol, service, forwarded)
    assert name == request.operation_name == operation
    assert plain(read) == plain(decided)
    headers = dict(forwarded.headers)
    assert f"Credential=KEY/{headers['x-amz-date'][:8]}/us-east-1/" in headers["authorization"]
    assert not {"x-moto-account-id", "user-agent", "content-encoding"} & headers.keys()
    assert "amazonaws" not in headers["host"]


def plain(value: Any) -> Any:
    """A value as both parsers say it: without what is empty, times as seconds."""

    def said(item: Any) -> Any:
        if isinstance(item, dict):
            return {str(key): said(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [said(inner) for inner in item]
        if hasattr(item, "timestamp"):
            moment = item if item.tzinfo else item.replace(tzinfo=UTC)
            return round(moment.timestamp())
        return item

    return pruned(said(value))


class TestRefused:
    """Requests that somebody could read in two ways, each in its protocol's 4xx."""

    @pytest.mark.parametrize(
        ("query", "body"),
        [
            ("Action=ListUsers", "Action=CreateUser&UserName=a"),
            ("", "Action=ListUsers&Action=CreateUser&UserName=a"),
            ("UserName=a", "Action=GetUser&UserName=b"),
            ("", "Action=GetUser&UserName=a&User%4Eame=b"),
            ("", "Action=GetUser&UserName=%ff"),
            ("", "Action=GetUser&UserName=%zz"),
            ("", "Action=SimulateCustomPolicy&ActionNames.member." + "9" * 5000 + "=x"),
            ("", "Action=SimulateCustomPolicy&ActionNames.member.-1=x"),
            ("", "Action=ListUsers&MaxItems=" + "9" * 5000),
            ("", "Action=ListUsers&MaxItems=1_000"),
        ],
    )
    def test_forms(self, query: str, body: str) -> None:
        scope = "KEY/20260101/us-east-1/iam/aws4_request"
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00",
        }
        with pytest.raises(AwsError) as refused:
            read_by_gateway(Head("POST", "/", query, headers), body.encode())
        assert refused.value.status == 400
        assert len(refused.value.message) < 300

    @pytest.mark.parametrize(
        "path", ["/a%00b", "/a%20b/k", "/%ff/k", "/ab%", "/bucket/%ff", "/bucket/k%zz", "/bucket/" + "k" * 1025, "/a"]
    )
    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "POST"])
    def test_paths_of_s3(self, aws: Aws, method: str, path: str) -> None:
        status, _, body = raw(aws, method, path)
        assert 400 <= status < 500
        assert b"html" not in body.lower()

    @pytest.mark.parametrize("expires", ["604801", "-1", "x", "9" * 5000, "", "1e3", "%C2%B2"])
    def test_an_expiry_that_is_none(self, aws: Aws, expires: str) -> None:
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        credential = quote(f"test/{stamp[:8]}/us-east-1/s3/aws4_request", safe="")
        query = (
            f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={stamp}"
            f"&X-Amz-SignedHeaders=host&X-Amz-Signature=00&X-Amz-Expires={expires}"
        )
        status, _, body = raw(aws, "GET", f"/bucket/key?{query}")
        assert status == 400
        assert b"AuthorizationQueryParametersError" in body

    def test_a_bomb(self) -> None:
        with pytest.raises(AwsError, match="exceeded"):
            decoded("gzip", gzip.compress(b"\0" * 50_000_000), LIMIT)
        for body in (b"x", gzip.compress(b"a") + gzip.compress(b"b"), gzip.compress(b"a")[:-1], b""):
            with pytest.raises(AwsError, match="gzip"):
                decoded("gzip", body, LIMIT)
        with pytest.raises(AwsError, match="not supported"):
            decoded("br", b"", LIMIT)


class TestAttacks:
    """A role without policies does not become an administrator by any of these."""

    @pytest.fixture
    def nobody(self, aws: Aws) -> Any:
        return LocalAwsClient(aws.url).role_credentials(aws.role(), "session")

    def attack(self, aws: Aws, nobody: Any, role: str, trick: str) -> int:
        policy = quote("arn:aws:iam::aws:policy/AdministratorAccess", safe="")
        wanted = f"Action=AttachRolePolicy&Version=2010-05-08&RoleName={role}&PolicyArn={policy}"
        innocent = "Action=GetCallerIdentity&Version=2011-06-15"
        url, body, service, headers = f"{aws.url}/", wanted, "iam", {}
        if trick == "action in the URL":
            url, service = f"{aws.url}/?{innocent}", "sts"
        elif trick == "action in the body":
            url, body, service = f"{aws.url}/?{wanted}", innocent, "sts"
        elif trick == "two actions":
            body, service = f"{innocent}&{wanted}", "sts"
        elif trick == "actions in the other order":
            body, service = f"{wanted}&{innocent}", "sts"
        elif trick == "two credentials":
            headers["X-Second"] = "1"
        content = gzip.compress(body.encode()) if trick == "gzip" else body.encode()
        if trick == "gzip":
            headers["Content-Encoding"] = "gzip"
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = AWSRequest("POST", url, headers=headers, data=content)
        credentials = Credentials(nobody["AccessKeyId"], nobody["SecretAccessKey"], nobody["SessionToken"])
        SigV4Auth(credentials, service, "us-east-1").add_auth(request)
        signed = dict(request.headers.items())
        if trick == "two credentials":
            day = time.strftime("%Y%m%d", time.gmtime())
            signed["Authorization"] += f", Credential=test/{day}/us-east-1/iam/aws4_request"
        if trick == "credential in front":
            day = time.strftime("%Y%m%d", time.gmtime())
            second = f"Credential=test/{day}/us-east-1/iam/aws4_request, Credential="
            signed["Authorization"] = signed["Authorization"].replace("Credential=", second)
        if trick == "query and header":
            url += "?X-Amz-Credential=test%2F20260101%2Fus-east-1%2Fiam%2Faws4_request"
        if trick == "account header":
            signed["x-moto-account-id"] = "999999999999"
        status, _, _ = raw(aws, "POST", url.removeprefix(aws.url), content, signed)
        return status

    @pytest.mark.parametrize(
        "trick",
        ["none", "action in the URL", "action in the body", "two actions", "actions in the other order", "gzip",
         "two credentials", "credential in front", "query and header", "account header"],
    )  # fmt: skip
    def test_by(self, aws: Aws, nobody: Any, trick: str) -> None:
        role = aws.role().rpartition("/")[2]
        assert 400 <= self.attack(aws, nobody, role, trick) < 500
        attached = aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        assert attached == []


def test_put_metric_data_that_botocore_compresses_is_allowed_by_its_namespace(aws: Aws) -> None:
    condition = {"StringEquals": {"cloudwatch:namespace": "mine"}}
    statement = {"Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*", "Condition": condition}
    role = aws.role({"put": {"Version": "2012-10-17", "Statement": [statement]}})
    cloudwatch = aws.as_role(role, "cloudwatch")
    data = [{"MetricName": f"metric-{number:0100}", "Value": 1.0} for number in range(200)]
    cloudwatch.put_metric_data(Namespace="mine", MetricData=data)
    with pytest.raises(cloudwatch.exceptions.ClientError, match="not authorized"):
        cloudwatch.put_metric_data(Namespace="other", MetricData=data)


def test_a_header_that_is_a_member_too_is_sent_once() -> None:
    """PutObject has a member ContentLength. LocalStack's server refuses a request that has the header twice."""
    credential = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, "
    headers = {
        "host": "localhost",
        "authorization": f"{credential}Signature={'0' * 64}",
        "x-amz-date": "20260101T000000Z",
        "content-length": "5",
    }
    head = Head("PUT", "/bucket/key", "", headers)
    request = identify(head)

    async def content() -> AsyncIterator[bytes]:
        yield b"hello"

    sent = canonical(request, head, members_of(request, head, b""), content(), "us-east-1")
    names = [name.lower() for name, _ in sent.headers]
    assert names.count("content-length") == 1
    assert len(set(names)) == len(names)
