"""The examples of docs/examples: each runs with the command in its first lines, and the index lists it."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.core.environment import client_environment
from harness.load.runs import list_runs
from tests.robustness.small_stack import TwinStack, twin_stack

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
# A line that each example prints. Examples that need a deployed stack have their own tests.
ALONE = {
    "may_it.py": r"sagemaker:InvokeEndpoint on arn:\S+ is allowed",
    "arrivals.py": r"6,000 requests expected in 600 s, at most 20/s",
    "alarm.py": r"minute 7: AlarmHigh is ALARM at 90 \(threshold 60\)",
    "simulate_a_day.py": r"0\.00% errors, p50 0\.\d+ s, p99 0\.\d+ s",
    "erlang.py": r"Erlang C: a mean wait of 1\.286 s",
}
ON_A_STACK = ("invoke.py", "steps_of_load.py", "read_a_run.py")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwinStack]:
    with twin_stack(tmp_path_factory.mktemp("examples")) as deployed:
        yield deployed


def printed_command(name: str) -> list[str]:
    """The last command that an example's docstring prints, under this interpreter."""
    docstring = (EXAMPLES / name).read_text().split('"""')[1].replace("\\\n", " ")
    *_, line = re.findall(r"^ *((?:python|locust) .+)$", docstring, re.MULTILINE)
    program, *arguments = shlex.split(line)
    return [sys.executable, *([] if program == "python" else ["-m", program]), *arguments]


def output_of(command: list[str], folder: Path = ROOT, **environment: str) -> str:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("name", ALONE)
def test_it_runs_as_it_is_printed(name: str) -> None:
    assert re.search(ALONE[name], output_of(printed_command(name)))


def test_the_function_and_the_endpoint_of_a_stack_are_called(stack: TwinStack) -> None:
    environment = client_environment(stack.aws.url, stack.aws.region)
    event = ROOT / "fixtures" / "dog_breed" / "event.json"
    printed = output_of([sys.executable, str(EXAMPLES / "invoke.py"), "small", "small", str(event)], **environment)
    assert "function: 200" in printed
    assert "endpoint: AllTraffic" in printed


def test_a_schedule_of_its_own_is_played_and_its_run_is_read(stack: TwinStack, tmp_path: Path) -> None:
    environment = client_environment(stack.aws.url, stack.aws.region)
    command = [*printed_command("steps_of_load.py"), "--runs", str(tmp_path)]
    command[command.index("docs/examples/steps_of_load.py")] = str(EXAMPLES / "steps_of_load.py")
    output_of(command, ROOT, STEPS_SECONDS="3", STEPS_FUNCTION="small", **environment)
    (run,) = list_runs(tmp_path)
    printed = output_of([sys.executable, str(EXAMPLES / "read_a_run.py"), str(run)])
    assert re.search(r"\d+ requests\ncolumns: .*response_s", printed)
    assert "answered" in printed


def test_the_index_lists_every_example() -> None:
    listed = set(re.findall(r"\]\((\w+\.py)\)", (EXAMPLES / "index.md").read_text()))
    assert listed == {file.name for file in EXAMPLES.glob("*.py")} == {*ALONE, *ON_A_STACK}
