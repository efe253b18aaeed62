"""moto in this process, on the harness's clock, and with DescribeAlarmHistory, which moto does not have.

Alarms, log events and datapoints that come without a time get the clock's, at any speed of it. Everything else in moto
(credentials, S3) has wall time, as its clients do.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import moto.cloudwatch.models
import moto.iam.models
import moto.logs.models
from moto.cloudwatch.exceptions import CloudWatchException
from moto.cloudwatch.responses import CloudWatchResponse
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from harness.backend.alarm_history import AlarmState, MetricAlarm, history, page
from harness.core.clock import Clock

_serving = threading.local()


class EmbeddedMoto:
    """moto's server on a free port of loopback. Several in one process share their state."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._application: Any = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def start(self) -> str:
        """Starts the server and returns its URL."""
        # AWS's managed policies (AmazonSageMakerFullAccess, ...) are part of every account.
        os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """Stops the server, once."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        _serving.clock = self._clock
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer


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


_IAM: Any = moto.iam.models
_IAM.get_account_id_from = _account_of
_MISSING: Any = CloudWatchResponse
_MISSING.describe_alarm_history = _describe_alarm_history
_TIMED: tuple[Any, ...] = (moto.cloudwatch.models, moto.logs.models)
for _models in _TIMED:
    _models.utcnow = _utcnow
