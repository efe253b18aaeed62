"""Settings of asynchronous invocations (retries, age, destinations), and the messages that report their end."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from harness.functions import errors
from harness.functions.rules.result import Invocation, InvocationResult

MAXIMUM_RETRIES = 2  # Lambda guide, invocation-async
MAXIMUM_AGE = 21_600  # seconds that an event stays in the queue (Lambda guide, invocation-async)
DESTINATION = re.compile(r"arn:aws[a-z-]*:(?P<service>[a-z0-9-]+):(?P<region>[a-z0-9-]*):(?P<account>\d*):(?P<name>.+)")
SERVICES = ("sqs", "sns", "lambda")
_LONGEST_MESSAGE = 1_024  # bytes of a dead letter's ErrorMessage (Lambda guide, invocation-async-retain-records)

Condition = Literal["Success", "RetriesExhausted", "EventAgeExceeded"]


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """The settings of a function, version or alias.

    retries, age (seconds): None for Lambda's defaults. on_success, on_failure: ARNs of destinations.
    """

    arn: str
    modified: datetime
    retries: int | None = None
    age: int | None = None
    on_success: str | None = None
    on_failure: str | None = None

    @property
    def maximum_retries(self) -> int:
        return MAXIMUM_RETRIES if self.retries is None else self.retries

    @property
    def maximum_age(self) -> int:
        return MAXIMUM_AGE if self.age is None else self.age

    def response(self) -> dict[str, Any]:
        """botocore's FunctionEventInvokeConfig."""
        destinations = {"OnSuccess": self.on_success, "OnFailure": self.on_failure}
        response: dict[str, Any] = {
            "LastModified": self.modified,
            "FunctionArn": self.arn,
            "DestinationConfig": {when: {"Destination": arn} if arn else {} for when, arn in destinations.items()},
        }
        if self.retries is not None:
            response["MaximumRetryAttempts"] = self.retries
        if self.age is not None:
            response["MaximumEventAgeInSeconds"] = self.age
        return response


def changed(config: EventInvokeConfig, request: Mapping[str, Any], *, unqualified_arn: str) -> EventInvokeConfig:
    """Apply the request of a Put or an Update to a configuration. Members it omits are unchanged. Raises AwsError."""
    destinations = request.get("DestinationConfig")
    retries, age = request.get("MaximumRetryAttempts"), request.get("MaximumEventAgeInSeconds")
    if retries is None and age is None and not destinations:
        raise errors.invalid("You must specify at least one of error handling or destination setting.")
    if retries is not None:
        config = replace(config, retries=retries)
    if age is not None:
        config = replace(config, age=age)
    for when in ("OnSuccess", "OnFailure"):
        if not destinations or when not in destinations:
            continue
        arn = (destinations[when] or {}).get("Destination") or None
        if arn is not None:
            _check(arn, destinations, unqualified_arn)
        config = replace(config, on_success=arn) if when == "OnSuccess" else replace(config, on_failure=arn)
    return config


def record(
    invocation: Invocation,
    arn: str,
    *,
    condition: Condition,
    attempts: int,
    last: tuple[InvocationResult, str] | None,
    now: float,
) -> dict[str, Any]:
    """The invocation record for a destination (Lambda guide, invocation-async-retain-records).

    last: the result of the last attempt that ran, and its version. None if no attempt ran; the record then lacks
    responseContext and responsePayload (unverified).
    """
    invocation_record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.loads(invocation.payload),
    }
    if last is not None:
        result, version = last
        invocation_record["responseContext"] = {"statusCode": 200, "executedVersion": version}
        if result.error_type is not None:
            invocation_record["responseContext"]["functionError"] = "Unhandled"
        invocation_record["responsePayload"] = json.loads(result.payload)
    return invocation_record


def dead_letter(invocation: Invocation, result: InvocationResult | None) -> tuple[str, dict[str, Any]]:
    """Body and attributes of a dead-letter message, as recorded from AWS. The body is the event itself.

    result: that of the last attempt; None if no attempt ran.
    """
    error_message = json.loads(result.payload).get("errorMessage", "") if result else ""
    values = (("RequestID", "String", invocation.request_id), ("ErrorCode", "Number", "200"))
    attributes = {name: {"DataType": kind, "StringValue": value} for name, kind, value in values}
    if error_message:
        shortened = str(error_message).encode()[:_LONGEST_MESSAGE].decode(errors="ignore")
        attributes["ErrorMessage"] = {"DataType": "String", "StringValue": shortened}
    return invocation.payload.decode(), attributes


def _check(arn: str, destinations: Mapping[str, Any], unqualified_arn: str) -> None:
    match = DESTINATION.fullmatch(arn)
    service = match["service"] if match else ""
    if service in ("events", "s3"):
        raise errors.unsupported(f"destinations in {service}", f"use one of {', '.join(SERVICES)}")
    if service not in SERVICES:
        shown = ", ".join(
            f"on{when}=On{when}(destination={destination['Destination']})"
            if (destination := destinations.get(f"On{when}") or {}).get("Destination")
            else f"on{when}=null"
            for when in ("Success", "Failure")
        )
        raise errors.invalid(f"The provided destination config DestinationConfig({shown}) is invalid.")
    if arn == unqualified_arn or arn.startswith(f"{unqualified_arn}:"):
        raise errors.invalid("You can't specify the function as a destination for itself.")
