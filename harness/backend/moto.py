"""moto in this process, on the harness's clock, and with DescribeAlarmHistory, which moto does not have.

Alarms, log events and datapoints that come without a time get the clock's, at any speed of it. Everything else in moto
(credentials, S3) has wall time, as its clients do.
"""

from __future__ import annotations

import io
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

import moto.cloudwatch.models
import moto.iam.models
import moto.logs.models
import moto.moto_server.werkzeug_app
from moto.cloudwatch.exceptions import CloudWatchException
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.request import (
    PRESERVED_HEADER_NAMES_ENVIRON_KEY,
    environ_key_for_header,
    should_preserve_original_header_name,
)
from moto.core.responses import ActionResult, BaseResponse
from moto.moto_api._internal.models import MotoAPIBackend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from harness.backend.alarm_history import AlarmState, MetricAlarm, history, page
from harness.backend.transport import Headers, LocalAnswer, LocalRequest
from harness.core.clock import Clock

_serving = threading.local()


# moto's own paths, which are no operations of AWS.
_OWN = ("moto_api", "instance_metadata")


class EmbeddedMoto:
    """moto in this process, without a port. Several in one process share their state."""

    def __init__(self, clock: Clock) -> None:
        # AWS's managed policies (AmazonSageMakerFullAccess, ...) are part of every account.
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        self._clock = clock
        self._application: Any = _Dispatcher(create_backend_app)

    def answer(self, request: LocalRequest) -> LocalAnswer:
        """Answers a request, in the caller's thread."""
        head: list[tuple[int, Headers]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            head.append((int(status.partition(" ")[0]), headers))

        outer = getattr(_serving, "clock", None)
        _serving.clock = self._clock
        try:
            body: Iterable[bytes] = self._application(_environ(request), start_response)
            try:
                content = b"".join(body)
            finally:
                if close := getattr(body, "close", None):
                    close()
        finally:
            _serving.clock = outer
        return LocalAnswer(*head[-1], content)

    def reset(self) -> None:
        """Empties it, as moto's own control does."""
        MotoAPIBackend("global", DEFAULT_ACCOUNT_ID).reset()


class _Dispatcher(DomainDispatcherApplication):
    """moto's choice of a service, without its own paths: a bucket may have the name ``moto-api``, or ``latest``."""

    def __init__(self, create_app: Any) -> None:
        super().__init__(create_app)
        self.backend_url_patterns = [entry for entry in self.backend_url_patterns if entry[0] not in _OWN]

    def get_application(self, environ: dict[str, Any]) -> Any:
        host = self.infer_service_region_host(environ, environ["PATH_INFO"]) or "s3.us-east-1.amazonaws.com"
        with self.lock:
            service: Any = self.get_backend_for_host(host)
            application = self.app_instances.get(service)
            if application is None:
                application = self.app_instances[service] = self.create_app(service)
        return application


def _environ(request: LocalRequest) -> dict[str, Any]:
    """The request as WSGI has it (PEP 3333), with what werkzeug's and moto's server add to it."""
    target = f"{request.path}?{request.query}" if request.query else request.path
    environ: dict[str, Any] = {
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": request.body,
        "wsgi.input_terminated": True,
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "REQUEST_URI": target,
        "RAW_URI": target,
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }
    preserved: dict[str, str] = {}
    plain = {environ_key_for_header(name) for name, _ in request.headers if "_" not in name}
    for name, value in request.headers:
        key = environ_key_for_header(name)
        if "_" in name:
            # WSGI cannot tell it from the name with dashes, and that one comes first.
            if key in plain or not should_preserve_original_header_name(name):
                continue
            preserved.setdefault(key, name)
        repeated = key.startswith("HTTP_") and key in environ
        environ[key] = f"{environ[key]},{value}" if repeated else value
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["CONTENT_LENGTH"] = str(request.length)
    environ[PRESERVED_HEADER_NAMES_ENVIRON_KEY] = preserved
    return environ


def _utcnow() -> datetime:
    """The clock's time in a thread of EmbeddedMoto, elsewhere wall time. It has no zone, like moto's own utcnow."""
    clock: Clock | None = getattr(_serving, "clock", None)
    return datetime.fromtimestamp(clock.now() if clock else time.time(), UTC).replace(tzinfo=None)


class _InvalidNextToken(CloudWatchException):
    code = "InvalidNextToken"


def _describe_alarm_history(response: CloudWatchResponse) -> ActionResult:
    request: dict[str, Any] = response._get_params()
    items = history([_metric_alarm(alarm) for alarm in response.cloudwatch_backend.describe_alarms()], request)
    try:
        listed, token = page(items, request)
    except ValueError:
        raise _InvalidNextToken("The next token is not valid.") from None  # the words are unverified
    return ActionResult({"AlarmHistoryItems": listed, "NextToken": token})


def _metric_alarm(alarm: Any) -> MetricAlarm:
    # An entry of moto's history is the state before an update.
    earlier = [AlarmState(value, reason, data, at.replace(tzinfo=UTC)) for _, reason, data, value, at in alarm.history]
    current = AlarmState(
        alarm.state_value,
        alarm.state_reason,
        alarm.state_reason_data,
        alarm.state_updated_timestamp.replace(tzinfo=UTC),
    )
    created = alarm.configuration_updated_timestamp.replace(tzinfo=UTC)
    actions = tuple(alarm.alarm_actions or ()) if alarm.actions_enabled else ()
    return MetricAlarm(alarm.name, alarm.alarm_arn, created, (*earlier, current), actions)


def _account_of(access_key: str) -> str:
    """The account of an access key, looked up in the partitions that have been called: the others have no keys.

    moto's own function looks in all five partitions at the first call, and reads AWS's 1,500 managed policies for each:
    that takes a second and 24 MB.
    """
    for account, partitions in list(moto.iam.models.iam_backends.items()):
        if any(access_key in iam.access_keys for iam in list(partitions.values())):
            return str(account)
    return DEFAULT_ACCOUNT_ID


def _region_of(_self: BaseResponse, request: Any, _full_url: str) -> str:
    """The region that a request is authorized for. moto's own function looks in the URL and the User-Agent first."""
    authorization = str(request.headers.get("Authorization", ""))
    scope = authorization.partition(",")[0].split("/")
    return scope[2] if len(scope) > 3 else str(_self.default_region)


_SERVER: Any = moto.moto_server.werkzeug_app
_RESPONSES: Any = BaseResponse
_RESPONSES.get_region_from_url = _region_of
_SERVER.DISABLE_GLOBAL_CORS = True  # moto's server lets every web page call every service
_IAM: Any = moto.iam.models
_IAM.get_account_id_from = _account_of
_MISSING: Any = CloudWatchResponse
_MISSING.describe_alarm_history = _describe_alarm_history
_TIMED: tuple[Any, ...] = (moto.cloudwatch.models, moto.logs.models)
for _models in _TIMED:
    _models.utcnow = _utcnow
