"""Data capture: requests and answers as JSON lines in S3 (SM guide, model-monitor-data-capture-endpoint)."""

from __future__ import annotations

import base64
import json
import logging
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlparse

from botocore.exceptions import BotoCoreError, ClientError

from harness.backend.client import Backend
from harness.backend.flusher import Flusher
from harness.core.clock import Clock

log = logging.getLogger(__name__)

FLUSH_SECONDS = 1.0  # ours: of the wall; AWS takes a minute or two
_PENDING_LIMIT = 64 * 2**20  # ours: characters of memory waiting for the backend; beyond it requests are not captured

Mode = Literal["INPUT", "OUTPUT"]


def captured(
    config: Mapping[str, Any],
    parts: Mapping[Mode, tuple[str, bytes]],
    *,
    event_id: str,
    inference_id: str | None,
    time: datetime,
) -> str:
    """One line. config: DataCaptureConfig; parts: content type and body of the request and of the answer."""
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
    kept = {name: value for name, value in metadata.items() if value is not None}
    return json.dumps({"captureData": data, "eventMetadata": kept, "eventVersion": "0"}, separators=(",", ":"))


def encoding_of(content_type: str, header: Mapping[str, Any]) -> Literal["CSV", "JSON", "BASE64"]:
    """How a body is written: as text only for the content types that CaptureContentTypeHeader names (botocore)."""
    plain = content_type.split(";", maxsplit=1)[0].strip().lower()
    if plain in header.get("CsvContentTypes", ()):
        return "CSV"
    return "JSON" if plain in header.get("JsonContentTypes", ()) else "BASE64"


def key(prefix: str, endpoint: str, variant: str, time: datetime) -> str:
    """``PREFIX/ENDPOINT/VARIANT/yyyy/mm/dd/hh/FILE.jsonl``; the file's name is AWS's in kind: minute, second, uuid."""
    start = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
    name = f"{time:%M-%S}-{time.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"
    return f"{start}{endpoint}/{variant}/{time:%Y/%m/%d/%H}/{name}"


class DataCapture:
    """Samples requests and writes them to S3, off their path. What the backend does not take is lost with a warning."""

    def __init__(self, backend: Backend, clock: Clock) -> None:
        self._backend = backend
        self._clock = clock
        self._random = random.Random()  # noqa: S311 - sampling, not cryptography
        # Lines by region, destination, endpoint and variant.
        self._pending: dict[tuple[str, str, str, str], list[str]] = {}
        self._size = 0
        self._flusher = Flusher(self._write_all, FLUSH_SECONDS)

    def offer(
        self,
        config: Mapping[str, Any],
        where: tuple[str, str, str],
        parts: Mapping[Mode, tuple[str, bytes]],
        inference_id: str | None,
    ) -> None:
        """Takes a request by InitialSamplingPercentage. where: region, endpoint, variant. Never waits."""
        if self._random.random() * 100 >= config["InitialSamplingPercentage"] or self._size > _PENDING_LIMIT:
            return
        time = datetime.fromtimestamp(self._clock.now(), UTC)
        line = captured(config, parts, event_id=str(uuid.uuid4()), inference_id=inference_id, time=time)
        region, endpoint, variant = where
        self._pending.setdefault((region, config["DestinationS3Uri"], endpoint, variant), []).append(line)
        self._size += len(line)
        self._flusher.wake()

    async def flush(self) -> None:
        """Writes all that is waiting."""
        await self._flusher.flush()

    async def close(self) -> None:
        await self._flusher.close()

    async def _write_all(self) -> None:
        pending, self._pending, self._size = self._pending, {}, 0
        for (region, destination, endpoint, variant), lines in pending.items():
            place = urlparse(destination)
            target = key(place.path, endpoint, variant, datetime.fromtimestamp(self._clock.now(), UTC))
            body = "".join(f"{line}\n" for line in lines).encode()
            try:
                await self._backend.call("s3", "put_object", region=region, Bucket=place.netloc, Key=target, Body=body)
            except (ClientError, BotoCoreError) as error:
                log.warning("captured data of %s could not be written to %s: %s", endpoint, destination, error)
