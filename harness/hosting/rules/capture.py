"""How data capture writes a request and its answer (SM guide, model-monitor-data-capture-endpoint)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

Mode = Literal["INPUT", "OUTPUT"]


def capture_line(
    config: Mapping[str, Any],
    parts: Mapping[Mode, tuple[str, bytes]],
    *,
    event_id: str,
    inference_id: str | None,
    time: datetime,
) -> str:
    """One line of a capture file.

    config: DataCaptureConfig; parts: content type and body of the request and of the answer.
    """
    modes: set[Mode] = set()
    for option in config["CaptureOptions"]:
        both = option["CaptureMode"] == "InputAndOutput"
        modes |= {"INPUT", "OUTPUT"} if both else {option["CaptureMode"].upper()}
    data = {}
    for mode, (content_type, body) in parts.items():
        if mode in modes:
            encoding = encoding_of(content_type, config.get("CaptureContentTypeHeader", {}))
            text = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode("utf-8", "replace")
            data[f"endpoint{mode.title()}"] = {
                "observedContentType": content_type,
                "mode": mode,
                "data": text,
                "encoding": encoding,
            }
    metadata = {"eventId": event_id, "inferenceId": inference_id, "inferenceTime": f"{time:%Y-%m-%dT%H:%M:%SZ}"}
    known = {name: value for name, value in metadata.items() if value is not None}
    return json.dumps({"captureData": data, "eventMetadata": known, "eventVersion": "0"}, separators=(",", ":"))


def encoding_of(content_type: str, header: Mapping[str, Any]) -> Literal["CSV", "JSON", "BASE64"]:
    """How a body is written: as text only for the content types that CaptureContentTypeHeader names (botocore)."""
    plain = content_type.split(";", maxsplit=1)[0].strip().lower()
    if plain in header.get("CsvContentTypes", ()):
        return "CSV"
    return "JSON" if plain in header.get("JsonContentTypes", ()) else "BASE64"


def object_key(prefix: str, endpoint: str, variant: str, time: datetime, file_id: str) -> str:
    """``PREFIX/ENDPOINT/VARIANT/yyyy/mm/dd/hh/FILE.jsonl``; the file's name is like AWS's: minute, second, id."""
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    name = f"{time:%M-%S}-{time.microsecond // 1000:03d}-{file_id}.jsonl"
    return f"{start}{endpoint}/{variant}/{time:%Y/%m/%d/%H}/{name}"
