"""Lines of data capture (SM guide, model-monitor-data-capture-endpoint)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.hosting.rules.capture import capture_line, encoding_of, object_key

TIME = datetime(2022, 2, 14, 17, 25, 49, tzinfo=UTC)


def config(*modes: str, **members: Any) -> dict[str, Any]:
    options = [{"CaptureMode": mode} for mode in modes]
    return {"InitialSamplingPercentage": 100, "DestinationS3Uri": "s3://b/p", "CaptureOptions": options, **members}


def test_a_line_as_aws_documents_it() -> None:
    headers = {"CsvContentTypes": ["text/csv"]}
    line = capture_line(
        config("Input", "Output", CaptureContentTypeHeader=headers),
        {"INPUT": ("text/csv", b"69,0\n"), "OUTPUT": ("text/csv; charset=utf-8", b"0.0254")},
        event_id="aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
        inference_id=None,
        time=TIME,
    )
    assert line == (
        '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"69,0\\n",'
        '"encoding":"CSV"},"endpointOutput":{"observedContentType":"text/csv; charset=utf-8","mode":"OUTPUT",'
        '"data":"0.0254","encoding":"CSV"}},"eventMetadata":{"eventId":"aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",'
        '"inferenceTime":"2022-02-14T17:25:49Z"},"eventVersion":"0"}'
    )


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("text/csv", "CSV"), ("application/json; charset=utf-8", "JSON"), ("image/jpeg", "BASE64"), ("", "BASE64")],
)
def test_only_the_named_content_types_are_text(content_type: str, encoding: str) -> None:
    header = {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]}
    assert encoding_of(content_type, header) == encoding
    assert encoding_of(content_type, {}) == "BASE64"


@pytest.mark.parametrize(
    ("modes", "kept"),
    [
        (["Input"], {"endpointInput"}),
        (["Output"], {"endpointOutput"}),
        (["InputAndOutput"], {"endpointInput", "endpointOutput"}),
    ],
)
def test_only_the_modes_of_the_configuration_are_captured(modes: list[str], kept: set[str]) -> None:
    parts: Any = {"INPUT": ("", b"in"), "OUTPUT": ("", b"out")}
    line = json.loads(capture_line(config(*modes), parts, event_id="e", inference_id="mine", time=TIME))
    assert set(line["captureData"]) == kept
    assert line["eventMetadata"]["inferenceId"] == "mine"


@pytest.mark.parametrize(("prefix", "start"), [("/some/place/", "some/place/"), ("/", ""), ("", "")])
def test_an_objects_key_has_endpoint_variant_and_time(prefix: str, start: str) -> None:
    key = object_key(prefix, "dogs", "v", TIME.replace(microsecond=7_000), "some-id")
    assert key == f"{start}dogs/v/2022/02/14/17/25-49-007-some-id.jsonl"
