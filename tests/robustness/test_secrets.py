"""A real run writes no secret key and no session token to logs, the run store, recorded calls or reports."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import boto3
import pytest

from harness.core.environment import client_environment
from harness.load.runs import list_runs
from harness.local_aws.daemon import RunningLocalAws, TemporaryLocalAws
from harness.local_aws.options import LocalAwsOptions
from harness.report.run import build_report
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from harness.testing.stacks import twins_for_tests
from tests.robustness.small_stack import LAMBDA, write_stack

pytestmark = pytest.mark.unmeasured

ROOT = Path(__file__).resolve().parents[2]
TELLS = """
import json as _json, os as _os
with open(_os.environ["TOLD"], "w") as _told:
    _json.dump({name: value for name, value in _os.environ.items() if name.startswith("AWS_")}, _told)
"""


@dataclass(frozen=True)
class RealRun:
    """secrets: by their kind. written: everything that was written, by its place."""

    secrets: dict[str, str]
    written: dict[str, bytes]


def command(*arguments: str, environment: dict[str, str], cwd: Path) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", *arguments], env=environment, cwd=cwd, capture_output=True, timeout=200, check=False
    )
    return done.stdout + done.stderr


def logged(session: boto3.Session, url: str) -> bytes:
    """All of CloudWatch Logs."""
    logs = session.client("logs", region_name="us-east-1", endpoint_url=url)
    groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert "/aws/lambda/small" in groups
    return json.dumps([logs.filter_log_events(logGroupName=group)["events"] for group in groups]).encode()


def everything_below(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path.relative_to(folder.parent)): path.read_bytes() for path in files}


def command_lines(running: RunningLocalAws) -> bytes:
    """The command lines of all processes of the machine, which every user can read."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes())
        except OSError:
            continue
    assert any(b"harness.local_aws.server" in line for line in found)
    return b"\n".join(found)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RealRun:
    """A stack is deployed and loaded by an administrator with a new access key, and reported on."""
    folder = tmp_path_factory.mktemp("secrets")
    # Not below /tmp: each environment has a /tmp of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as outside:
        told = Path(outside) / "told.json"
        file = write_stack(folder / "stack", code=TELLS + LAMBDA, variables={"TOLD": str(told)})
        written: dict[str, bytes] = {}
        state, runs = folder / "state", folder / "runs"
        with TemporaryLocalAws(state, LocalAwsOptions(administrator=False)) as running:
            assert running.key is not None
            key, secret = running.key
            session = boto3.Session(key, secret)
            stack = twins_for_tests(load_stack(file), folder)
            StackDeployment(stack, session, running.url, lambda step: None).run(build=False)
            kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LOCUST_"))}
            environment = {**kept, "PYTHONPATH": str(ROOT), **client_environment(running.url, "us-east-1", running.key)}
            written["locust"] = command(
                "locust", "--headless", "-f", str(ROOT / "loadtests"), "LambdaUrlEvent", "-u", "2", "-t", "3s",
                "--runs", str(runs), "--stack", str(file), "--function-name", "small",
                environment=environment, cwd=folder,
            )  # fmt: skip
            (run,) = list_runs(runs)
            access = boto3.Session(key, secret)
            written["logs"] = logged(access, running.url)
            written["command lines"] = command_lines(running)
            written["policy"] = command("harness.cli.main", "policy", "--help", environment=environment, cwd=folder)
            written["invoke"] = command("harness.cli.main", "invoke", str(file), environment=environment, cwd=folder)
            written["invoke, refused"] = command(
                "harness.cli.main", "invoke", "no-such-function", environment=environment, cwd=folder
            )
            written.update(everything_below(state))
        build_report(run)
        written.update(everything_below(runs))
        role = json.loads(told.read_text())
    secrets = {
        "administrator's secret": secret,
        "role's secret": role["AWS_SECRET_ACCESS_KEY"],
        "role's token": role["AWS_SESSION_TOKEN"],
    }
    return RealRun(secrets, written)


def spellings(secret: str) -> list[bytes]:
    """A secret as it is, in a URL, and in base64 at any offset."""
    plain = secret.encode()
    coded = [base64.b64encode(b"x" * offset + plain)[4:-4] for offset in range(3)]
    return [plain, quote(secret, safe="").encode(), *coded]


def test_it_was_a_real_run(run: RealRun) -> None:
    assert all(len(secret) >= 20 for secret in run.secrets.values())
    names = " ".join(run.written)
    for name in ("harness.log", "requests.arrow", "manifest.json", "report.html", "state.json"):
        assert name in names, names
    assert b"REPORT RequestId" in run.written["logs"]
    assert b'"statusCode"' in run.written["invoke"], run.written["invoke"]


@pytest.mark.parametrize("which", ["administrator's secret", "role's secret", "role's token"])
def test_the_secret_is_nowhere_but_where_it_belongs(run: RealRun, which: str) -> None:
    """The state file, which its owner alone can read, has the administrator's: `harness down` and the next command need
    it."""
    found = [
        where
        for where, content in run.written.items()
        for spelling in spellings(run.secrets[which])
        if spelling in content
    ]
    belongs = {"state/state.json"} if which == "administrator's secret" else set()
    assert set(found) == belongs
