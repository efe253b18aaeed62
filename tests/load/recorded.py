"""Writes runs by hand, for tests of what reads the run store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from harness.load.runs import SCHEMA, Manifest

STARTED = 1_770_000_000.0


def manifest(**members: Any) -> Manifest:
    defaults: dict[str, Any] = {
        "id": "20260202T024000Z-LambdaUrlEvent-0a1b2c",
        "scenarios": ["EndpointJpeg", "LambdaUrlEvent"],
        "started": STARTED,
        "seed": 7,
        "command": ["locust", "-f", "loadtests"],
        "options": {"users": 4, "spawn_rate": 4.0, "run_time": 60, "host": "http://127.0.0.1:4566", "workers": None},
        "versions": {"python": "3.11.7", "locust": "2.47.0", "torch": "2.13.0+cpu"},
        "machine": {"cpu": "Example CPU", "cores": 2, "memory_bytes": 8 * 2**30, "os": "Linux 6.1"},
        "ended": STARTED + 60,
        "ending": "finished",
    }
    return Manifest(**{**defaults, **members})


def request(**members: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "start": STARTED,
        "intended": None,
        "late_s": None,
        "name": "dog-breed",
        "kind": "lambda",
        "response_s": 0.15,
        "service_s": members.get("response_s", 0.15) - (members.get("late_s") or 0.0),
        "status": 200,
        "error": None,
        "message": None,
        "request_bytes": 120,
        "response_bytes": 2800,
        "cold_init_s": None,
        "function_s": 0.14 if members.get("kind", "lambda") == "lambda" and not members.get("error") else None,
        "variant": None,
        "users": 4,
        "instance": None,
    }
    return {**defaults, **members}


def write_run(folder: Path, requests: list[dict[str, Any]], **members: Any) -> Path:
    """Write a complete run to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    manifest(**members).write(folder)
    with pa.OSFile(str(folder / "requests.arrow"), "wb") as file, pa.ipc.new_stream(file, SCHEMA) as stream:
        for at in range(0, len(requests), 500):
            stream.write_batch(pa.RecordBatch.from_pylist(requests[at : at + 500], schema=SCHEMA))
    return folder
