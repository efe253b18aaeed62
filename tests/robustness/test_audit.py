"""The dependency audit passes only what it looked up. Everything else is a finding, or it says that it was skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

AUDIT = Path(__file__).resolve().parents[2] / ".ci" / "audit"
GOOD = {"name": "boto3", "version": "1", "vulns": []}
BAD = {"name": "old", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}


def audited(tmp_path: Path, stdout: str, stderr: str = "", status: int = 0) -> tuple[int, str]:
    fake = tmp_path / "pip-audit"
    fake.write_text(
        f"#!{sys.executable}\nimport sys\nprint({stdout!r})\nprint({stderr!r}, file=sys.stderr)\nsys.exit({status})\n"
    )
    fake.chmod(0o755)
    done = subprocess.run([sys.executable, str(AUDIT), str(fake)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("dependencies", "status", "verdict"),
    [
        ([GOOD], 0, "audit: ok: no known vulnerability in 1 locked packages, 0 could not be looked up"),
        ([GOOD, UNKNOWN], 0, "audit: ok: no known vulnerability in 1 locked packages, 1 could not be looked up"),
        ([GOOD, BAD], 1, "audit: FAILED: 1 known vulnerabilities in 2 locked packages"),
        ([UNKNOWN], 0, "audit: SKIPPED: none of the locked packages is known to the advisory database"),
        ([], 0, "audit: SKIPPED: none of the locked packages is known to the advisory database"),
    ],
)
def test_the_verdict(tmp_path: Path, dependencies: list[Any], status: int, verdict: str) -> None:
    code, said = audited(tmp_path, json.dumps({"dependencies": dependencies}), status=status)
    assert (code, said.splitlines()[-1]) == (status, verdict)
    assert ("old 2: PYSEC-1; fixed in: 3" in said) == (BAD in dependencies)


@pytest.mark.parametrize("stdout", ["", "[]", "{}", "not JSON"])
def test_without_an_answer_it_is_skipped_and_says_why(tmp_path: Path, stdout: str) -> None:
    code, said = audited(tmp_path, stdout, "ERROR: connection refused", 1)
    assert (code, said) == (0, "audit: SKIPPED: the advisory database could not be asked: ERROR: connection refused\n")


def test_without_the_tool_it_is_skipped_and_says_why(tmp_path: Path) -> None:
    command = [sys.executable, str(AUDIT), str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"audit: SKIPPED: there is no {tmp_path / 'none'}\n")
