"""Data capture of an endpoint (SM guide, model-monitor-data-capture-endpoint)."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.hosting.hands import Held
from tests.hosting.rules.test_capture import config
from tests.support import unique


def files(held: Held, bucket: str) -> dict[str, list[Any]]:
    held.aws.run(held.aws.local.hosting.capture.flush())
    s3 = held.client("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    bodies = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    return {key: [json.loads(line) for line in body.splitlines()] for key, body in bodies.items()}


@pytest.fixture
def bucket(held: Held) -> str:
    name = unique("capture")
    held.client("s3").create_bucket(Bucket=name)
    return name


def test_requests_and_answers_in_s3(held: Held, bucket: str) -> None:
    capture = config("InputAndOutput", DestinationS3Uri=f"s3://{bucket}/monitor/")
    name = held.endpoint(held.config(DataCaptureConfig=capture))
    held.invoke(name, b"\xff\x00", ContentType="image/jpeg", InferenceId="mine")
    captured = files(held, bucket)
    lines = [line for file_lines in captured.values() for line in file_lines]
    time = datetime.fromtimestamp(held.clock.now(), UTC)
    for key in captured:
        assert re.fullmatch(rf"monitor/{name}/v/{time:%Y/%m/%d/%H}/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl", key)
    (line,) = lines
    assert base64.b64decode(line["captureData"]["endpointInput"]["data"]) == b"\xff\x00"
    assert line["eventMetadata"]["inferenceId"] == "mine"
    described = held.describe(name)["DataCaptureConfig"]
    assert (described["CaptureStatus"], described["CurrentSamplingPercentage"]) == ("Started", 100)


@pytest.mark.parametrize(("percentage", "low", "high"), [(0, 0, 0), (50, 25, 75), (100, 100, 100)])
def test_a_percentage_of_the_requests_is_captured(
    held: Held, bucket: str, percentage: int, low: int, high: int
) -> None:
    capture = config("Input", DestinationS3Uri=f"s3://{bucket}", InitialSamplingPercentage=percentage)
    name = held.endpoint(held.config(DataCaptureConfig=capture))
    for _ in range(100):
        held.invoke(name)
    assert low <= sum(len(lines) for lines in files(held, bucket).values()) <= high


def test_nothing_is_captured_when_capture_is_off(held: Held, bucket: str) -> None:
    capture = config("Input", DestinationS3Uri=f"s3://{bucket}", EnableCapture=False)
    held.invoke(held.endpoint(held.config(DataCaptureConfig=capture)))
    assert not files(held, bucket)


def test_a_missing_bucket_loses_captured_lines_but_no_request(held: Held) -> None:
    name = held.endpoint(held.config(DataCaptureConfig=config("Input", DestinationS3Uri="s3://no-such-bucket-here")))
    assert held.invoke(name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    held.aws.run(held.aws.local.hosting.capture.flush())


def test_an_update_that_retains_all_keeps_the_capture(held: Held, bucket: str) -> None:
    """DataCaptureConfig is one of the variant properties (botocore, VariantPropertyType)."""
    capture = config("Input", DestinationS3Uri=f"s3://{bucket}")
    name = held.endpoint(held.config(DataCaptureConfig=capture))
    for members, captures in (({"RetainAllVariantProperties": True}, True), ({}, False)):
        held.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=held.config(), **members)
        assert ("DataCaptureConfig" in held.settled(name)) is captures
