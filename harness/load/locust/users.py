"""Locust users that sign their own requests, at a fraction of boto3's CPU, so that the generator is not the bottleneck.

    class Dog(LambdaUser):
        @task
        def ask(self):
            self.invoke("dog-breed", {"url": "https://..."})

An AWS error is a locust failure by its code. Nothing is retried: a retry would hide the error and load the stack twice.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote, urlsplit

import gevent
import gevent.socket
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError, HTTPResponse
from locust import User
from locust.env import Environment
from locust.exception import StopTest

from harness.core.errors import HarnessError
from harness.core.sigv4 import signed_headers
from harness.hosting.rules.timeouts import CLIENT_SECONDS
from harness.load.answers import Header, Kind, Observation, observe
from harness.load.locust import web_form  # noqa: F401 - closes the web page to other users and other sites
from harness.load.locust.arrival import take_lateness
from harness.load.locust.preflight import on_aws, spend
from harness.load.locust.response import AwsResponse, fire_request, no_response, note_unfinished
from harness.load.target import SERVICES, LoadTarget, aws_target, function_url_target, target_from

SIGNING_NAMES: dict[Kind, str] = {"lambda": "lambda", "endpoint": "sagemaker", "function-url": "lambda"}
"""The service name in the signature of each kind of request (botocore)."""


class _Connections:
    """A user's connection pool to the target that takes one kind of request."""

    def __init__(self, target: LoadTarget, user: AwsUser) -> None:
        self.target = target
        # The Host header as geventhttpclient would write it: it has to be known here, because it is signed.
        self.host = urlsplit(target.url).netloc
        self.client = HTTPClient.from_url(
            target.url,
            concurrency=user.connections,
            connection_timeout=user.connect_timeout,
            network_timeout=user.read_timeout,
            block_size=65536,
        )
        # Without this the last piece of a large body waits for the server's delayed acknowledgement.
        self.client._connection_pool.after_connect = _send_at_once  # type: ignore[method-assign]


class AwsUser(User):
    """A user with its own connection pools that signs for the target which the environment names (``load.target``)."""

    abstract = True
    # Locust's page shows it in the Host field, and asks for a host if there is none.
    host = os.environ.get("AWS_ENDPOINT_URL")
    connections = 10
    """Connections to one service at most; a task that does one thing at a time uses one."""
    connect_timeout = 5.0
    read_timeout = CLIENT_SECONDS
    """Seconds."""

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        """The kinds of requests that this user may send."""
        return {"lambda", "endpoint"}

    @classmethod
    def target_of(cls, environment: Environment, kind: Kind) -> LoadTarget:
        """Where a kind of request goes. Raises HarnessError if the environment names no target that may be loaded."""
        if on_aws(environment):
            return aws_target(SERVICES[kind], os.environ)
        return target_from(os.environ, environment.host or cls.host)

    @classmethod
    def check(cls, environment: Environment) -> None:
        """Raise HarnessError if a test with this user cannot start. A scenario adds checks of its own options."""
        for kind in cls.kinds(environment):
            cls.target_of(environment, kind)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        try:
            self.check(environment)
            # Now, because finding a real account's endpoint holds the process up for some tenths of a second.
            self._connections = {
                kind: _Connections(self.target_of(environment, kind), self) for kind in self.kinds(environment)
            }
        except HarnessError as error:
            environment.process_exit_code = 1
            raise StopTest(str(error)) from None

    def on_stop(self) -> None:
        for connections in self._connections.values():
            connections.client.close()

    def _send(
        self,
        kind: Kind,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        name: str,
        *,
        method: str = "POST",
        query: str = "",
        sign: bool = True,
    ) -> AwsResponse:
        spend(self.environment, kind)
        connections = self._connections[kind]
        target = connections.target
        sent = dict(headers)
        if sign:
            sent = signed_headers(
                target.credentials,
                target.region,
                SIGNING_NAMES[kind],
                method=method,
                path=path,
                query=query,
                headers={"Host": connections.host, **headers},
                body=body,
                at=time.time(),
            )
        start_time = time.time()
        start = time.perf_counter()
        late = take_lateness(start)
        try:
            answer = connections.client.request(method, f"{path}?{query}" if query else path, body, sent)
            content = bytes(answer.read())
        except gevent.GreenletExit:
            elapsed = time.perf_counter() - start
            note_unfinished(kind, name, start_time=start_time, late=late, elapsed=elapsed, request_bytes=len(body))
            raise
        except (OSError, HTTPParseError) as error:
            elapsed = time.perf_counter() - start
            response = no_response(_transport_failure(kind, error, len(body)))
        else:
            elapsed = time.perf_counter() - start
            header = _header_of(answer)
            response = AwsResponse(header, content, observe(kind, answer.get_code(), header, content, len(body)))
        fire_request(self, name, response, start_time=start_time, late=late, service=elapsed, url=target.url + path)
        return response


class LambdaUser(AwsUser):
    """A user that calls Lambda functions."""

    abstract = True

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"lambda"}

    def invoke(
        self, function_name: str, payload: bytes | Mapping[str, Any], name: str | None = None, log_tail: bool = True
    ) -> AwsResponse:
        """Invoke a function and wait for its answer (RequestResponse).

        function_name: a name, ``name:qualifier``, or an ARN.
        payload: JSON as bytes, or a mapping that is written as JSON.
        name: what locust and the report call these requests; by default the function's name.
        log_tail: ask for the end of the log (LogType=Tail), which tells cold starts and the function's own duration.
        """
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"}
        if log_tail:
            headers["X-Amz-Log-Type"] = "Tail"
        path = f"/2015-03-31/functions/{quote(function_name, safe='')}/invocations"
        return self._send("lambda", path, headers, body, name or function_name)


class EndpointUser(AwsUser):
    """A user that calls SageMaker endpoints."""

    abstract = True

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"endpoint"}

    def invoke_endpoint(
        self, endpoint_name: str, body: bytes, content_type: str, accept: str | None = None, name: str | None = None
    ) -> AwsResponse:
        """Invoke an endpoint and wait for its answer (InvokeEndpoint).

        body: at most 6,291,456 bytes (botocore).
        name: what locust and the report call these requests; by default the endpoint's name.
        """
        headers = {"Content-Type": content_type}
        if accept is not None:
            headers["Accept"] = accept
        path = f"/endpoints/{quote(endpoint_name, safe='')}/invocations"
        return self._send("endpoint", path, headers, body, name or endpoint_name)


class FunctionUrlUser(AwsUser):
    """A user that calls a Lambda function's URL, which is locust's host (``https://ID.lambda-url.REGION.on.aws``).

    auth_type: ``AWS_IAM`` signs requests for Lambda, ``NONE`` does not sign (FunctionUrlAuthType, botocore).
    """

    abstract = True
    auth_type: Literal["AWS_IAM", "NONE"] = "AWS_IAM"

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"function-url"}

    @classmethod
    def target_of(cls, environment: Environment, kind: Kind) -> LoadTarget:
        host = environment.host or cls.host
        if on_aws(environment):
            return function_url_target(host, os.environ)
        return target_from(os.environ, host)

    def call(
        self, body: bytes = b"", *, method: str = "POST", path: str = "/", query: str = "",
        headers: Mapping[str, str] | None = None, name: str | None = None,
    ) -> AwsResponse:  # fmt: skip
        """Call the URL.

        path, query: percent-encoded. name: what the report calls these requests; by default the path.
        """
        return self._send(
            "function-url", path, headers or {}, body, name or path,
            method=method, query=query, sign=self.auth_type == "AWS_IAM",
        )  # fmt: skip


def _header_of(response: HTTPResponse) -> Header:
    def header(name: str) -> str | None:
        value = response.get(name)
        return value[0] if isinstance(value, list) else value

    return header


def _send_at_once(sock: gevent.socket.socket) -> None:
    sock.setsockopt(gevent.socket.IPPROTO_TCP, gevent.socket.TCP_NODELAY, 1)


def _transport_failure(kind: Kind, error: Exception, request_bytes: int) -> Observation:
    if isinstance(error, ConnectionRefusedError):
        code = "Connection:refused"
    elif isinstance(error, TimeoutError):
        code = "Connection:timeout"
    elif isinstance(error, ConnectionResetError | BrokenPipeError | HTTPConnectionClosed):
        code = "Connection:reset"
    elif isinstance(error, HTTPParseError):
        code = "Connection:broken answer"
    else:
        code = f"Connection:{type(error).__name__}"
    return Observation(kind, error=code, message=str(error) or None, request_bytes=request_bytes)


# Locust says in one line what a StopTest means; gevent would print its traceback first.
gevent.get_hub().NOT_ERROR += (StopTest,)
