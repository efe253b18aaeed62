"""Function URLs: mappings as the Lambda guide and recorded answers have them, and the real address at the gateway."""

import base64
import json
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from harness.functions.rules import function_url
from harness.functions.rules.function_url import UrlConfig, UrlRequest
from harness.functions.rules.result import InvocationResult
from tests.functions.conftest import zipped
from tests.support import ACCOUNT, REGION, Aws, unique

ECHO = "def handler(event, context): return event"


def request(**changes: Any) -> UrlRequest:
    return UrlRequest(
        **{  # type: ignore[arg-type]
            "method": "GET",
            "path": "/",
            "query": "",
            "headers": {},
            "body": b"",
            "source": "127.0.0.1",
            "port": 80,
            **changes,
        }
    )


def config(cors: dict[str, Any] | None = None) -> UrlConfig:
    moment = datetime.fromtimestamp(0, UTC)
    return UrlConfig("abc", "http://harness/abc/", "arn", "NONE", moment, moment, cors)


def event(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(function_url.event(config(), request(**changes), "id", REGION, 1_583_348_638.39))
    return made


def test_a_request_as_an_event_of_format_2() -> None:
    made = event(
        method="POST",
        path="/my/pa2%Fth",
        query="a=1&a=2&b=",
        headers={"content-type": "application/json", "user-agent": "dog/1", "cookie": "one=1; two=2", "host": "x:80"},
        body=b'{"url": 1}',
    )
    assert made.pop("requestContext") == {
        "accountId": "anonymous",
        "apiId": "abc",
        "domainName": "abc.lambda-url.us-east-1.on.aws",
        "domainPrefix": "abc",
        "http": {
            "method": "POST",
            "path": "/my/pa2%Fth",
            "protocol": "HTTP/1.1",
            "sourceIp": "127.0.0.1",
            "userAgent": "dog/1",
        },
        "requestId": "id",
        "routeKey": "$default",
        "stage": "$default",
        "time": "04/Mar/2020:19:03:58 +0000",
        "timeEpoch": 1_583_348_638_390,
    }
    assert made.pop("headers")["x-forwarded-for"] == "127.0.0.1"
    assert made == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/pa2%Fth",
        "rawQueryString": "a=1&a=2&b=",
        "queryStringParameters": {"a": "1,2", "b": ""},
        "cookies": ["one=1", "two=2"],
        "body": '{"url": 1}',
        "isBase64Encoded": False,
    }


def test_a_body_that_is_no_text_comes_in_base64() -> None:
    for kind in ("image/jpeg", "multipart/form-data; boundary=x", ""):
        made = event(body=b"\xff\xd8", headers={"content-type": kind})
        assert (made["body"], made["isBase64Encoded"]) == (base64.b64encode(b"\xff\xd8").decode(), True)


def test_a_signed_request_names_its_caller() -> None:
    zoe = function_url.UrlCaller(f"arn:aws:iam::{ACCOUNT}:user/zoe", ACCOUNT, "AKIA", "AIDA")
    context = event(caller=zoe)["requestContext"]
    assert context["accountId"] == ACCOUNT
    assert context["authorizer"]["iam"] == {
        "accessKey": "AKIA",
        "accountId": ACCOUNT,
        "callerId": "AIDA",
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{ACCOUNT}:user/zoe",
        "userId": "AIDA",
    }


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({"hello": "world"}, b'{"hello":"world"}'),
        (["hello", 3, True], b'["hello",3,true]'),
        ("hello", b"hello"),
        (3.1, b"3.1"),
        (True, b"true"),
        ({"statusCode": 200, "body": "body123"}, b"body123"),
        ({"statusCode": 200, "body": '{"hello": "world"}'}, b'{"hello": "world"}'),
        ({"statusCode": 200, "body": "/9g=", "isBase64Encoded": True}, b"\xff\xd8"),
    ],
)
def test_what_a_handler_may_return(answer: Any, body: bytes) -> None:
    response = function_url.response(InvocationResult(json.dumps(answer).encode()))
    assert (response.status, response.body) == (200, body)
    assert response.headers == [("Content-Type", "application/json")]


def test_status_headers_and_cookies_are_the_handlers() -> None:
    answer = {"statusCode": 418, "headers": {"content-type": "text/plain", "x-a": 1}, "cookies": ["a=1", "b=2"]}
    response = function_url.response(InvocationResult(json.dumps(answer).encode()))
    assert response.status == 418
    assert response.headers == [
        ("content-type", "text/plain"),
        ("x-a", "1"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
    ]


@pytest.mark.parametrize("answer", [{"statusCode": "many"}, {"statusCode": 42}, {"statusCode": 200, "headers": "x"}])
def test_an_answer_that_is_no_response_is_a_bad_gateway(answer: Any) -> None:
    assert function_url.response(InvocationResult(json.dumps(answer).encode())) == function_url.BAD_GATEWAY
    assert function_url.response(InvocationResult(b"{}", "Unhandled")).status == 502


def test_cors_is_answered_for_allowed_origins_only() -> None:
    cors = {"AllowOrigins": ["https://dogs"], "AllowMethods": ["GET"], "AllowCredentials": True, "MaxAge": 9}
    allowed = dict(function_url.cors_headers(cors, request(headers={"origin": "https://dogs"})))
    assert allowed == {
        "Access-Control-Allow-Origin": "https://dogs",
        "Vary": "Origin",
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Max-Age": "9",
    }
    for headers in ({"origin": "https://cats"}, {}):
        assert function_url.cors_headers(cors, request(headers=headers)) == []
    assert function_url.cors_headers(None, request(headers={"origin": "https://dogs"})) == []
    asked = {"access-control-request-method": "GET"}
    assert function_url.is_preflight(cors, request(method="OPTIONS", headers=asked))
    assert not function_url.is_preflight(None, request(method="OPTIONS", headers=asked))


# ---- the address


@pytest.fixture(scope="module")
def role(aws: Aws) -> str:
    return aws.role()


def addressed(aws: Aws, role: str, auth: str = "NONE", source: str = ECHO, **more: Any) -> tuple[str, str]:
    """A function's name and the address of its URL."""
    client, name = aws.client("lambda"), unique("url")
    client.create_function(
        FunctionName=name, Runtime="python3.12", Handler="app.handler", Role=role, Code={"ZipFile": zipped(source)}
    )
    made = client.create_function_url_config(FunctionName=name, AuthType=auth, **more)
    assert set(made) >= {"FunctionUrl", "FunctionArn", "AuthType", "CreationTime"}
    return name, made["FunctionUrl"]


BOTH: tuple[dict[str, Any], ...] = (
    {"StatementId": "url", "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
    {"StatementId": "invoke", "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
)


def permit(aws: Aws, name: str) -> None:
    for more in BOTH:
        aws.client("lambda").add_permission(FunctionName=name, Principal="*", **more)


def fetch(url: str, data: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    asked = urllib.request.Request(url, data=data, headers={name.replace("_", "-"): v for name, v in headers.items()})
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_a_url_calls_its_function(aws: Aws, role: str) -> None:
    name, url = addressed(aws, role)
    status, body = fetch(url)
    assert (status, json.loads(body)["message"]) == (
        403,
        "Forbidden. For troubleshooting Function URL authorization issues, see: "
        "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html",
    )
    permit(aws, name)
    status, body = fetch(f"{url}dogs/1?q=x", b'{"a": 1}', Content_Type="application/json", X_Dog="akita")
    event = json.loads(body)
    assert status == 200
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/dogs/1", "q=x", '{"a": 1}')
    assert event["headers"]["x-dog"] == "akita"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"


def test_a_signed_url_wants_a_signature_and_a_permission(aws: Aws, role: str) -> None:
    name, url = addressed(aws, role, "AWS_IAM")
    permit(aws, name)
    assert fetch(url)[0] == 403

    def signed(key: str, secret: str, token: str | None = None, service: str = "lambda") -> tuple[int, bytes]:
        asked = AWSRequest("GET", url)
        SigV4Auth(Credentials(key, secret, token), service, REGION).add_auth(asked)
        return fetch(url, **{name.replace("-", "_"): value for name, value in asked.headers.items()})

    status, body = signed("test", "test")
    assert (status, json.loads(body)["requestContext"]["authorizer"]["iam"]["userArn"]) == (
        200,
        f"arn:aws:iam::{ACCOUNT}:root",
    )
    assert "authorization" not in json.loads(body)["headers"]

    def session(*actions: str) -> tuple[str, str, str]:
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": f"arn:aws:lambda:*:*:function:{name}"}
        arn = aws.role({"p": {"Version": "2012-10-17", "Statement": [statement]}}, trusts_account=True)
        found = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
        return found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"]

    key, secret, token = session("lambda:InvokeFunctionUrl", "lambda:InvokeFunction")
    status, body = signed(key, secret, token)
    caller = json.loads(body)["requestContext"]["authorizer"]["iam"]
    assert (status, caller["accessKey"], caller["accountId"]) == (200, key, ACCOUNT)
    assert caller["userId"] == caller["callerId"]
    assert caller["userId"].startswith("AROA")
    assert caller["userId"].endswith(":session")
    assert signed(*session("lambda:InvokeFunction"))[0] == 403
    assert signed(key, "another", token)[0] == 403
    assert signed(key, secret, token, service="execute-api")[0] == 403


@pytest.mark.parametrize("action", ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"])
def test_a_url_takes_both_permissions_since_october_2025(aws: Aws, role: str, action: str) -> None:
    # Lambda guide, urls-auth
    name, url = addressed(aws, role)
    more = next(each for each in BOTH if each["Action"] == action)
    aws.client("lambda").add_permission(FunctionName=name, Principal="*", **more)
    assert fetch(url)[0] == 403


def test_errors_and_throttles_of_a_url(aws: Aws, role: str) -> None:
    name, url = addressed(aws, role, source="def handler(event, context): raise ValueError")
    permit(aws, name)
    assert fetch(url) == (502, b"Internal Server Error")
    aws.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    status, body = fetch(url)
    assert (status, json.loads(body)["Reason"]) == (429, "ReservedFunctionConcurrentInvocationLimitExceeded")
    assert fetch(f"{aws.url}/_lambda-url/nobody/")[0] == 403


def test_a_url_of_an_alias_is_listed_changed_and_deleted(aws: Aws, role: str) -> None:
    name, url = addressed(aws, role)
    client = aws.client("lambda")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    alias = client.create_function_url_config(FunctionName=name, Qualifier="live", AuthType="NONE")
    assert alias["FunctionUrl"] != url
    assert alias["FunctionArn"].endswith(f"{name}:live")
    listed = client.list_function_url_configs(FunctionName=name)["FunctionUrlConfigs"]
    assert [each["FunctionUrl"] for each in listed] == [url, alias["FunctionUrl"]]
    with pytest.raises(client.exceptions.ResourceConflictException, match="FunctionUrlConfig exists for this Lambda"):
        client.create_function_url_config(FunctionName=name, AuthType="NONE")
    changed = client.update_function_url_config(
        FunctionName=name, AuthType="AWS_IAM", Cors={"AllowOrigins": ["*"]}, InvokeMode="BUFFERED"
    )
    assert client.get_function_url_config(FunctionName=name)["Cors"] == changed["Cors"] == {"AllowOrigins": ["*"]}
    client.delete_function_url_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="The resource you requested does not exist"):
        client.get_function_url_config(FunctionName=name)
    with pytest.raises(client.exceptions.ResourceNotFoundException, match="Function does not exist"):
        client.list_function_url_configs(FunctionName="nobody")
    assert fetch(url)[0] == 403


def test_a_browsers_question_is_answered_without_the_function(aws: Aws, role: str) -> None:
    _, url = addressed(aws, role, source="raise RuntimeError", Cors={"AllowOrigins": ["*"], "AllowMethods": ["POST"]})
    asked = urllib.request.Request(
        url, method="OPTIONS", headers={"Origin": "https://dogs", "Access-Control-Request-Method": "POST"}
    )
    with urllib.request.urlopen(asked) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://dogs"
        assert answer.headers["Access-Control-Allow-Methods"] == "POST"


def test_a_web_page_is_answered_as_the_urls_cors_says(aws: Aws, role: str) -> None:
    """Without leave from CORS a page of another site is refused: on AWS it runs the function and reads nothing."""
    name, url = addressed(aws, role, Cors={"AllowOrigins": ["https://dogs"], "AllowMethods": ["GET"]})
    permit(aws, name)
    _, another = addressed(aws, role)
    host = url.split("/")[2]

    def ask(address: str, **headers: str) -> tuple[int, str | None]:
        request = urllib.request.Request(address, headers={n.replace("_", "-"): v for n, v in headers.items()})
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.headers["Access-Control-Allow-Origin"]
        except urllib.error.HTTPError as error:
            return error.code, error.headers["Access-Control-Allow-Origin"]

    assert ask(url, Origin="https://dogs", Sec_Fetch_Site="cross-site") == (200, "https://dogs")
    assert ask(url, Origin="https://cats") == (403, None)
    assert ask(another, Origin="https://dogs") == (403, None)
    assert ask(url, Sec_Fetch_Site="cross-site") == (403, None)  # a link, or an image
    assert ask(url, Sec_Fetch_Site="none") == (200, None)  # the user typed the address
    own = {"Origin": f"http://{host}", "Referer": url}
    assert ask(url, **own) == (200, None)
    assert ask(another, **own) == (403, None)


def test_a_preflight_for_a_method_that_cors_does_not_allow_gets_no_leave(aws: Aws, role: str) -> None:
    _, url = addressed(aws, role, source="raise RuntimeError", Cors={"AllowOrigins": ["*"], "AllowMethods": ["GET"]})
    asked = {"Origin": "https://dogs", "Access-Control-Request-Method": "DELETE"}
    with urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS", headers=asked)) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] is None
