"""A locust user on boto3, for measuring the SDK together with the service. It takes five times the CPU.

class Dog(Boto3User):
    @task
    def ask(self):
        self.invoke("dog-breed", b'{"url": "https://..."}')
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

import boto3
import gevent
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)
from locust.env import Environment
from urllib3.exceptions import ProtocolError

from harness.load.answers import Kind, Observation, error_code, function_error, instance_of, report_times
from harness.load.locust import web_form  # noqa: F401 - closes the web page to other users and other sites
from harness.load.locust.arrival import take_lateness
from harness.load.locust.preflight import on_aws, spend
from harness.load.locust.response import AwsResponse, fire_request, no_response, note_unfinished
from harness.load.locust.users import AwsUser
from harness.load.target import SERVICES


class Boto3User(AwsUser):
    """A user that calls Lambda functions and SageMaker endpoints through boto3 clients without retries."""

    abstract = True
    services: ClassVar[tuple[Kind, ...]] = ("lambda", "endpoint")
    """The kinds of requests that the user sends; each is checked before the start."""

    @classmethod
    def kinds(cls, environment: Environment) -> set[Kind]:
        return set(cls.services)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._clients = {kind: self._client(kind) for kind in self.services}

    def client(self, kind: Kind) -> Any:
        """The boto3 client of the service that takes this kind of request, for calls of your own."""
        return self._clients[kind]

    def _client(self, kind: Kind) -> Any:
        target = self.target_of(self.environment, kind)
        config = Config(
            retries={"total_max_attempts": 1},
            max_pool_connections=self.connections,
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            region_name=target.region,
        )
        # On AWS the session's own credential chain and endpoints, as boto3 finds them.
        endpoint: dict[str, Any] = {} if on_aws(self.environment) else {"endpoint_url": target.url}
        return boto3.Session().client(SERVICES[kind], config=config, **endpoint)  # type: ignore[call-overload]

    def invoke(self, function_name: str, payload: bytes, name: str | None = None, log_tail: bool = True) -> AwsResponse:
        """Lambda's Invoke, RequestResponse: see ``LambdaUser.invoke``."""
        arguments: dict[str, Any] = {"FunctionName": function_name, "Payload": payload}
        if log_tail:
            arguments["LogType"] = "Tail"
        return self._call("lambda", "invoke", arguments, "Payload", len(payload), name or function_name)

    def invoke_endpoint(
        self, endpoint_name: str, body: bytes, content_type: str, accept: str | None = None, name: str | None = None
    ) -> AwsResponse:
        """SageMaker's InvokeEndpoint: see ``EndpointUser.invoke_endpoint``."""
        arguments: dict[str, Any] = {"EndpointName": endpoint_name, "Body": body, "ContentType": content_type}
        if accept is not None:
            arguments["Accept"] = accept
        return self._call("endpoint", "invoke_endpoint", arguments, "Body", len(body), name or endpoint_name)

    def _call(
        self, kind: Kind, operation: str, arguments: dict[str, Any], member: str, size: int, name: str
    ) -> AwsResponse:
        client = self.client(kind)
        spend(self.environment, kind)
        call: Callable[..., Any] = getattr(client, operation)
        start_time, start = time.time(), time.perf_counter()
        late = take_lateness(start)
        try:
            output = call(**arguments)
            body = output[member].read()
        except gevent.GreenletExit:
            elapsed = time.perf_counter() - start
            note_unfinished(kind, name, start_time=start_time, late=late, elapsed=elapsed, request_bytes=size)
            raise
        except ClientError as error:
            elapsed = time.perf_counter() - start
            response = AwsResponse(_header_of(error.response), b"", _refused(kind, error, size))
        except (BotoCoreError, ProtocolError, OSError) as error:
            elapsed = time.perf_counter() - start
            message = str(error) or None
            response = no_response(Observation(kind, error=_broken(error), message=message, request_bytes=size))
        else:
            elapsed = time.perf_counter() - start
            response = AwsResponse(_header_of(output), body, _answered(kind, output, len(body), size))
        url = f"{client.meta.endpoint_url}/{operation}"
        fire_request(self, name, response, start_time=start_time, late=late, service=elapsed, url=url)
        return response


def _answered(kind: Kind, output: Any, response_bytes: int, request_bytes: int) -> Observation:
    failed = output.get("FunctionError")
    duration, init = report_times(output["LogResult"]) if "LogResult" in output else (None, None)
    return Observation(
        kind=kind,
        status=output["ResponseMetadata"]["HTTPStatusCode"],
        error=function_error(failed) if failed else None,
        request_bytes=request_bytes,
        response_bytes=response_bytes,
        cold_init=init,
        function_seconds=duration,
        variant=output.get("InvokedProductionVariant"),
        instance=instance_of(_header_of(output)),
    )


def _refused(kind: Kind, error: ClientError, request_bytes: int) -> Observation:
    response: Any = error.response
    return Observation(
        kind=kind,
        status=response["ResponseMetadata"]["HTTPStatusCode"],
        error=error_code(str(response["Error"]["Code"]), response),
        message=response["Error"].get("Message"),
        request_bytes=request_bytes,
        instance=instance_of(_header_of(response)),
    )


def _broken(error: Exception) -> str:
    if isinstance(error, EndpointConnectionError):
        return "Connection:refused"
    if isinstance(error, ConnectTimeoutError | ReadTimeoutError):
        return "Connection:timeout"
    if isinstance(error, ConnectionClosedError | ProtocolError | OSError):
        return "Connection:reset"
    return f"Connection:{type(error).__name__}"


def _header_of(response: Any) -> Any:
    headers = {name.lower(): value for name, value in response["ResponseMetadata"].get("HTTPHeaders", {}).items()}
    return lambda name: headers.get(name.lower())
