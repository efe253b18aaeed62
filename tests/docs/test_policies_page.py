"""docs/policies.md: its tests pass in the sample project, and `harness policy generate` writes its policy."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from harness.access.rules.advice.smallest import smallest_policy
from harness.stack.file import load_stack
from tests.access.rules.advice.writeups import arn, run_history

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "policies.md").read_text(encoding="utf-8")


def example(language: str) -> str:
    (code,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(code)


def test_its_tests_pass_in_the_sample_project(tmp_path: Path) -> None:
    file = tmp_path / "test_policies.py"
    file.write_text(example("python"))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, file],
        cwd=DOCS / "sample-project",
        capture_output=True,
        text=True,
        check=False,
    )
    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_its_policy_is_generated_for_the_sample_projects_function() -> None:
    history = run_history(load_stack(DOCS / "sample-project" / "stack.toml"))
    assert json.loads(example("json")) == smallest_policy(history.calls_of(arn("taxi-fares-lambda")), history.account)
