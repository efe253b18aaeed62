"""Locust users that sign their own requests, at a fraction of boto3's CPU, so that the generator is the last to tire.

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
from harness.hosting.rules.timeouts import CLIENT_SECONDS
from harness.load.answers import UNFINISHED, Header, Kind, Observation, observe
from harness.load.locust.arrival import taken
from harness.load.locust.preflight import on_aws, spend
from harness.load.locust.reporting import Answer, report, unfinished
from harness.load.sigv4 import signed_headers
from harness.load.target import SERVICES, Target, aws_target, function_url_target, target_from

SIGNING_NAMES: dict[Kind, str] = {"lambda": "lambda", "endpoint": "sagemaker", "function-url": "lambda"}
"""By which name each service signs (botocore)."""


class _Line:
    """The way to one service: its target and a connection pool."""

    def __init__(self, target: Target, user: AwsUser) -> None:
        self.target = target
        # The Host header as geventhttpclient would write it; it is signed, so it is given.
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
    """A user with connection pools of its own, signing for the target that the environment names (``target``)."""

    abstract = True
    # Locust's page fills its Host field in with it, and asks for one where there is none.
    host = os.environ.get("AWS_ENDPOINT_URL")
    connections = 10
    """Connections to a service at most; a task that does one thing at a time uses one."""
    connect_timeout = 5.0
    read_timeout = CLIENT_SECONDS
    """Seconds."""

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        """What this user may call."""
        return {"lambda", "endpoint"}

    @classmethod
    def target_of(cls, environment: Environment, kind: Kind) -> Target:
        """Raises HarnessError where the environment names none that may be loaded."""
        if on_aws(environment):
            return aws_target(SERVICES[kind], os.environ)
        return target_from(os.environ, environment.host or cls.host)

    @classmethod
    def check(cls, environment: Environment) -> None:
        """Raise HarnessError when a test with this user cannot start; a scenario adds its own options' checks."""
        for kind in cls.kinds(environment):
            cls.target_of(environment, kind)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        try:
            self.check(environment)
            # Now, because finding a real account's endpoint holds the process up for some tenths of a second.
            self._lines = {kind: _Line(self.target_of(environment, kind), self) for kind in self.kinds(environment)}
        except HarnessError as error:
            environment.process_exit_code = 1
            raise StopTest(str(error)) from None

    def on_stop(self) -> None:
        for line in self._lines.values():
            line.client.close()

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
    ) -> Answer:
        spend(self.environment, kind)
        line = self._lines[kind]
        sent = dict(headers)
        if sign:
            sent = signed_headers(
                line.target.credentials,
                line.target.region,
                SIGNING_NAMES[kind],
                method=method,
                path=path,
                query=query,
                headers={"Host": line.host, **headers},
                body=body,
                at=time.time(),
            )
        start_time = time.time()
        start = time.perf_counter()
        late = taken(start)
        try:
            response = line.client.request(method, f"{path}?{query}" if query else path, body, sent)
            content = bytes(response.read())
        except gevent.GreenletExit:
            observation = Observation(kind, error=UNFINISHED, request_bytes=len(body))
            for listener in unfinished:
                listener(name, start_time, late, time.perf_counter() - start, observation)
            raise
        except (OSError, HTTPParseError) as error:
            elapsed = time.perf_counter() - start
            observation = _transport_failure(kind, error, len(body))
            answer = Answer(lambda _: None, b"", observation)
        else:
            elapsed = time.perf_counter() - start
            header = _header_of(response)
            observation = observe(kind, response.get_code(), header, content, len(body))
            answer = Answer(header, content, observation)
        report(self, name, answer, start_time=start_time, late=late, service=elapsed, url=line.target.url + path)
        return answer


class LambdaUser(AwsUser):
    """Calls Lambda functions."""

    abstract = True

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"lambda"}

    def invoke(
        self, function_name: str, payload: bytes | Mapping[str, Any], name: str | None = None, log_tail: bool = True
    ) -> Answer:
        """Invoke and wait for the function's answer (RequestResponse).

        function_name: a name, ``name:qualifier``, or an ARN.
        payload: JSON, as bytes or to be written as such.
        name: what locust and the report call these requests; the function's name when not given.
        log_tail: ask for the log's end (LogType=Tail), which tells cold starts and the function's own duration.
        """
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        headers = {"Content-Type": "application/json", "X-Amz-Invocation-Type": "RequestResponse"}
        if log_tail:
            headers["X-Amz-Log-Type"] = "Tail"
        path = f"/2015-03-31/functions/{quote(function_name, safe='')}/invocations"
        return self._send("lambda", path, headers, body, name or function_name)


class EndpointUser(AwsUser):
    """Calls SageMaker endpoints."""

    abstract = True

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"endpoint"}

    def invoke_endpoint(
        self, endpoint_name: str, body: bytes, content_type: str, accept: str | None = None, name: str | None = None
    ) -> Answer:
        """InvokeEndpoint.

        body: at most 6,291,456 bytes (botocore).
        name: what locust and the report call these requests; the endpoint's name when not given.
        """
        headers = {"Content-Type": content_type}
        if accept is not None:
            headers["Accept"] = accept
        path = f"/endpoints/{quote(endpoint_name, safe='')}/invocations"
        return self._send("endpoint", path, headers, body, name or endpoint_name)


class FunctionUrlUser(AwsUser):
    """Calls a Lambda function's URL, which is the host (``https://ID.lambda-url.REGION.on.aws``).

    auth_type: ``AWS_IAM`` signs for Lambda, ``NONE`` does not (FunctionUrlAuthType, botocore).
    """

    abstract = True
    auth_type: Literal["AWS_IAM", "NONE"] = "AWS_IAM"

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return {"function-url"}

    @classmethod
    def target_of(cls, environment: Environment, kind: Kind) -> Target:
        host = environment.host or cls.host
        if on_aws(environment):
            return function_url_target(host, os.environ)
        return target_from(os.environ, host)

    def call(
        self, body: bytes = b"", *, method: str = "POST", path: str = "/", query: str = "",
        headers: Mapping[str, str] | None = None, name: str | None = None,
    ) -> Answer:  # fmt: skip
        """Call the URL. path, query: percent-encoded; name: what the report calls these requests, else the path."""
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


# Locust says in one line what a StopTest means; gevent would print its traceback before.
gevent.get_hub().NOT_ERROR += (StopTest,)
