"""Messages to destinations and dead-letter queues in the backend's SQS and SNS."""

from __future__ import annotations

from typing import Any

from harness.backend.client import Backend
from harness.core import tasks
from harness.functions.rules.event_invoke import DESTINATION


async def send(backend: Backend, arn: str, body: str, attributes: dict[str, Any] | None = None) -> None:
    """Send a message to a queue or a topic. Raises ClientError or BotoCoreError."""
    match = DESTINATION.fullmatch(arn)
    assert match is not None, arn

    def send_now() -> None:
        _send(backend.client(match["service"], match["region"]), arn, body, attributes or {})

    await tasks.in_thread(send_now)


def _send(client: Any, arn: str, body: str, attributes: dict[str, Any]) -> None:
    service, _, account, name = arn.split(":")[2:6]
    if service == "sns":
        client.publish(TopicArn=arn, Message=body, MessageAttributes=attributes)
        return
    url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
    client.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=attributes)
