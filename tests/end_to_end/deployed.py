"""A deployed stack as a client sees it: a URL and names. Nothing here knows the harness from inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from harness.core.environment import client_environment
from harness.stack.tables import Stack

ROOT = Path(__file__).parent.parent.parent
STACK = ROOT / "fixtures" / "dog_breed" / "stack.toml"
EVENT = json.loads((STACK.parent / "event.json").read_text())
PHOTO = (STACK.parent / "images" / "photo.jpg").read_bytes()


@dataclass(frozen=True)
class DeployedStack:
    url: str
    stack: Stack

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a client's process, without anything else of this process's."""
        return {"PATH": os.environ["PATH"], "AWS_PAGER": "", **client_environment(self.url, self.stack.region)}

    def client(self, service: str, credentials: dict[str, Any] | None = None) -> Any:
        keys = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": None}
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, read_timeout=70)
        return session.client(service, region_name=self.stack.region, endpoint_url=self.url, config=config)  # type: ignore[call-overload]

    def python(self, script: str) -> str:
        """Runs a script in a process that knows the endpoint only by its environment. Returns its output."""
        process = subprocess.run(
            [sys.executable, "-c", script],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert process.returncode == 0, process.stderr
        return process.stdout
