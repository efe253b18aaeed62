"""Function URLs: turns an HTTP request into an event in payload format 2.0, and a handler's result into a response.

Facts: Lambda guide, urls-invocation and urls-configuration; recorded answers of AWS for what a handler may return.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from harness.core.calls import HttpResponse
from harness.functions.rules.configuration import timestamp
from harness.functions.rules.result import InvocationResult

PATH_PREFIX = "/_lambda-url/"  # ours: on AWS each URL has its own host name, which no local resolver knows
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")  # other bodies are sent in base64


@dataclass(frozen=True, slots=True)
class UrlConfig:
    """The configuration of a function URL.

    identity: the part of the address that identifies the URL. arn: ARN of the function or alias.
    """

    identity: str
    address: str
    arn: str
    auth_type: str
    created: datetime
    modified: datetime
    cors: Mapping[str, Any] | None = None
    invoke_mode: str = "BUFFERED"

    def response(self, *without: str) -> dict[str, Any]:
        """botocore's FunctionUrlConfig, without the members that an operation does not answer."""
        response = {
            "FunctionUrl": self.address,
            "FunctionArn": self.arn,
            "AuthType": self.auth_type,
            "CreationTime": timestamp(self.created),
            "LastModifiedTime": timestamp(self.modified),
            "InvokeMode": self.invoke_mode,
            **({"Cors": dict(self.cors)} if self.cors else {}),
        }
        return {name: value for name, value in response.items() if name not in without}


@dataclass(frozen=True, slots=True)
class UrlCaller:
    """The caller who signed a request. user_id: IAM's unique id; for a role it includes the session name."""

    arn: str
    account: str
    access_key: str
    user_id: str

    def authorizer(self) -> dict[str, Any]:
        """The caller in the event's requestContext."""
        return {
            "accessKey": self.access_key,
            "accountId": self.account,
            "callerId": self.user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": self.arn,
            "userId": self.user_id,
        }


@dataclass(frozen=True, slots=True)
class UrlRequest:
    """An HTTP request. path: raw, below the URL. headers: names in lower case. caller: None if it is not signed."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source: str
    port: int
    caller: UrlCaller | None = None


BAD_GATEWAY = HttpResponse(502, [("Content-Type", "application/json")], b"Internal Server Error")


def event(config: UrlConfig, request: UrlRequest, request_id: str, region: str, now: float) -> bytes:
    """The event for the handler."""
    domain = f"{config.identity}.lambda-url.{region}.on.aws"
    moment = datetime.fromtimestamp(now, UTC)
    headers = {
        **request.headers,
        "x-forwarded-for": request.source,
        "x-forwarded-port": str(request.port),
        "x-forwarded-proto": "http",
    }
    http_event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": request.caller.account if request.caller else "anonymous",
            "apiId": config.identity,
            "domainName": domain,
            "domainPrefix": config.identity,
            "http": {
                "method": request.method,
                "path": request.path,
                "protocol": "HTTP/1.1",
                "sourceIp": request.source,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if request.caller:
        http_event["requestContext"]["authorizer"] = {"iam": request.caller.authorizer()}
    if cookies := request.headers.get("cookie"):
        http_event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
    if parameters := _joined(parse_qsl(request.query, keep_blank_values=True)):
        http_event["queryStringParameters"] = parameters
    if request.body:
        if request.headers.get("content-type", "").startswith(_TEXT):
            http_event["body"] = request.body.decode("utf-8", "replace")
        else:
            http_event["body"], http_event["isBase64Encoded"] = base64.b64encode(request.body).decode(), True
    return json.dumps(http_event).encode()


def response(result: InvocationResult) -> HttpResponse:
    """Turn a handler's result into a response. An object with a statusCode describes it; anything else is the body."""
    if result.error_type is not None:
        return BAD_GATEWAY
    answer = json.loads(result.payload)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return HttpResponse(200, [("Content-Type", "application/json")], _text(answer))
    try:
        status = int(answer["statusCode"])
        headers = [(str(name), str(value)) for name, value in (answer.get("headers") or {}).items()]
        headers += [("Set-Cookie", str(cookie)) for cookie in answer.get("cookies") or ()]
        body = _text(answer.get("body", ""))
        if answer.get("isBase64Encoded"):
            body = base64.b64decode(body)
    except (ValueError, TypeError, AttributeError):
        return BAD_GATEWAY
    if not 100 <= status <= 599:
        return BAD_GATEWAY
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return HttpResponse(status, headers, body)


def allows_origin(cors: Mapping[str, Any] | None, origin: str) -> bool:
    """Whether a URL's CORS configuration names the origin, or every origin."""
    allowed = (cors or {}).get("AllowOrigins") or ()
    return "*" in allowed or origin in allowed


def cors_headers(cors: Mapping[str, Any] | None, request: UrlRequest) -> list[tuple[str, str]]:
    """The CORS headers of a response, depending on the URL's configuration and the request's origin."""
    origin = request.headers.get("origin")
    if not cors or origin is None or not allows_origin(cors, origin):
        return []
    headers = [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    for member, name in (
        ("AllowMethods", "Access-Control-Allow-Methods"),
        ("AllowHeaders", "Access-Control-Allow-Headers"),
        ("ExposeHeaders", "Access-Control-Expose-Headers"),
    ):
        if cors.get(member):
            headers.append((name, ",".join(cors[member])))
    if cors.get("AllowCredentials"):
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if cors.get("MaxAge") is not None:
        headers.append(("Access-Control-Max-Age", str(cors["MaxAge"])))
    return headers


def allows_method(cors: Mapping[str, Any] | None, request: UrlRequest) -> bool:
    """Whether a preflight asks for a method that the configuration has; any if it has none."""
    methods = (cors or {}).get("AllowMethods") or ("*",)
    return "*" in methods or request.headers.get("access-control-request-method") in methods


def is_preflight(cors: Mapping[str, Any] | None, request: UrlRequest) -> bool:
    """Whether the request is a browser's preflight request, which the URL answers without the function."""
    return bool(cors) and request.method == "OPTIONS" and "access-control-request-method" in request.headers


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _text(value: Any) -> bytes:
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")
