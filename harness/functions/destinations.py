"""Telling destinations and dead-letter queues: messages to the backend's SQS and SNS."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from harness.backend.client import Backend
from harness.functions.rules.event_invoke import DESTINATION
from harness.functions.rules.result import Invocation, InvocationResult

_LONGEST_MESSAGE = 1_024  # bytes of a dead letter's ErrorMessage (Lambda guide, invocation-async-retain-records)


async def send(backend: Backend, arn: str, body: str, attributes: dict[str, Any] | None = None) -> None:
    """One message to a queue or a topic. Raises ClientError or BotoCoreError."""
    match = DESTINATION.fullmatch(arn)
    assert match is not None, arn

    def make() -> None:
        _send(backend.client(match["service"], match["region"]), arn, body, attributes or {})

    await asyncio.to_thread(make)


def dead_letter(invocation: Invocation, outcome: InvocationResult | None) -> tuple[str, dict[str, Any]]:
    """A dead-letter message's body, the event itself, and its attributes (as recorded from AWS)."""
    message = json.loads(outcome.payload).get("errorMessage", "") if outcome else ""
    values = (("RequestID", "String", invocation.request_id), ("ErrorCode", "Number", "200"))
    attributes = {name: {"DataType": kind, "StringValue": value} for name, kind, value in values}
    if message:
        shown = str(message).encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": shown}
    return invocation.payload.decode(), attributes


def _send(client: Any, arn: str, body: str, attributes: dict[str, Any]) -> None:
    service, _, account, name = arn.split(":")[2:6]
    if service == "sns":
        client.publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
        return
    url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
