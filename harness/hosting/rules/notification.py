"""What Amazon SNS is told about an asynchronous inference; the members and their order are as public logs show them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from harness.hosting.rules.async_request import AsyncRequest

# How much of an answer a notification carries (SM guide, async-inference-create-endpoint).
_CONTENT_BYTES = 128 * 1024
_HINT = "Check S3 path location(if configured) or Cloudwatch for additional details."
# Headers of the request, and the members that tell them.
_TOLD_HEADERS = {"Accept": "accept", "Content-Type": "contentType"}


def topic_region(arn: str) -> str:
    """The region of ``arn:aws:sns:REGION:ACCOUNT:NAME``."""
    return arn.split(":")[3]


class Notification:
    """The topic and text for either end of a request; None if the endpoint has no topic for it.

    config: NotificationConfig of AsyncInferenceConfig.
    """

    def __init__(self, config: Mapping[str, Any], region: str, endpoint: str, request: AsyncRequest) -> None:
        self._config = config
        self._region = region
        self._endpoint = endpoint
        self._request = request

    def completed(self, now: float, content_type: str, body: bytes) -> tuple[str, str] | None:
        response = {"contentType": content_type, "outputLocation": self._request.output}
        return self._message("SuccessTopic", "SUCCESS_NOTIFICATION_TOPIC", now, "Completed", body, response, None)

    def failed(self, now: float, reason: str, body: bytes) -> tuple[str, str] | None:
        response = {"outputLocation": self._request.failure} if self._request.failure else None
        return self._message("ErrorTopic", "ERROR_NOTIFICATION_TOPIC", now, "Failed", body, response, reason)

    def _message(
        self,
        topic: str,
        include: str,
        now: float,
        status: str,
        body: bytes,
        response: Mapping[str, str] | None,
        reason: str | None,
    ) -> tuple[str, str] | None:
        if topic not in self._config:
            return None
        headers = self._request.headers
        request = {member: headers[header] for header, member in _TOLD_HEADERS.items() if header in headers}
        request["endpointName"] = self._endpoint
        if self._request.input is not None:
            request["inputLocation"] = self._request.input
        document: dict[str, Any] = {
            "awsRegion": self._region,
            "eventTime": _iso(now),
            "receivedTime": _iso(self._request.received),
            "invocationStatus": status,
        }
        if reason is not None:
            document["failureReason"] = reason
        document["requestParameters"] = request
        if response is not None:
            document["responseParameters"] = response
        if include in self._config.get("IncludeInferenceResponseIn", ()):
            content = base64.b64encode(body[:_CONTENT_BYTES]).decode()
            document["responseBody"] = {"content": content, "message": _HINT, "encoding": "BASE64"}
        document |= {
            "inferenceId": self._request.inference_id,
            "eventVersion": "1.0",
            "eventSource": "aws:sagemaker",
            "eventName": "InferenceResult",
        }
        return self._config[topic], json.dumps(document, separators=(",", ":"))


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
