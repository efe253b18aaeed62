"""Load goes to a real account only with --target aws, after a dry run that says what it may cost.

Nothing here reaches AWS: the confirmed run goes to a stand-in.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.load.locust.locusts import LOADTESTS, ROOT, locust, only_run
from tests.load.locust.standin import stand_in

STACK = str(ROOT / "fixtures" / "dog_breed" / "stack.toml")


def on_aws(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return locust(
        "-f", str(LOADTESTS), "--target", "aws", *arguments, runs=tmp_path / "runs", cwd=tmp_path,
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE", AWS_EC2_METADATA_DISABLED="true", **variables,
    )  # fmt: skip


def test_without_a_confirmation_it_is_a_dry_run(tmp_path: Path) -> None:
    done = on_aws(tmp_path, "Steady", "--rate", "5", "-t", "60s", "--stack", STACK)
    assert done.returncode == 0, done.stderr
    assert "Steady on AWS, us-east-1, as AKIAEXAMPLE:" in done.stdout
    # 300 are expected; the bound adds 5 standard deviations.
    assert "at most 387 requests (cap 1,000)" in done.stdout
    assert "387 invocations of 128 MB, 60 s each at most" in done.stdout
    # The stack's auto scaling may add two to its one instance.
    assert "3 x ml.m5.large for 60 s" in done.stdout
    assert re.search(
        r"This was a dry run: nothing was sent. The same command with --confirm [0-9a-f]{6} is", done.stdout
    )
    assert list((tmp_path / "runs").glob("*")) == []


LOCUSTFILE = """
import os
from locust import constant, task
import harness.load.locust.record_runs
from harness.load.locust import preflight
from harness.load.locust import users
from harness.core.sigv4 import SigningCredentials
from harness.load.target import LoadTarget

# A stand-in in AWS's place: no test reaches AWS.
target = LoadTarget(os.environ["STAND_IN"], "us-east-1", lambda: SigningCredentials("AKIAEXAMPLE", "secret"))
preflight.aws_target = users.aws_target = lambda service, environ: target


class Closed(users.LambdaUser):
    wait_time = constant(0.01)

    @task
    def ask(self):
        self.invoke("good", b"{}")
"""


def test_a_confirmed_run_is_ended_at_its_cap(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(LOCUSTFILE)
    with stand_in() as server:

        def run(*more: str) -> subprocess.CompletedProcess[str]:
            return locust(
                "Closed", "-t", "20s", "--target", "aws", "--stack", STACK, "--max-requests", "5", *more,
                runs=tmp_path / "runs", cwd=tmp_path, STAND_IN=server.url,
            )  # fmt: skip

        dry = run()
        assert (dry.returncode, server.headers) == (0, [])
        code = re.search(r"--confirm ([0-9a-f]{6})", dry.stdout)
        assert code is not None
        # Other settings ask for another confirmation.
        assert "This was a dry run" in run("--max-cost", "0.5", "--confirm", code[1]).stdout
        assert server.headers == []
        done = run("--confirm", code[1])
    assert "The run is ended: the cap of 5 requests is reached." in done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.headers) == 5
    recorded = only_run(tmp_path / "runs")
    assert recorded.requests.num_rows == 5
    assert recorded.manifest.cut_short == "the cap of 5 requests is reached"
    assert recorded.manifest.ending == "stopped"


@pytest.mark.parametrize(
    ("arguments", "variables", "sentence"),
    [
        (["-t", "1s"], {}, "needs --stack FILE"),
        (["--stack", STACK, "-t", "1s"], {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}, "which is not AWS"),
        (["--stack", STACK, "-t", "10m"], {}, "3,274 requests, more than its cap of 1,000"),
        (["--stack", STACK, "-t", "1s", "--max-requests", "abc"], {}, "--max-requests abc is not a number of requests"),
        (["--stack", STACK, "-t", "1s", "--max-requests", "0"], {}, "--max-requests 0 is not a number of requests"),
        (["--stack", STACK, "-t", "1s", "--max-cost", "nan"], {}, "--max-cost nan is not an amount"),
        (["--stack", STACK, "-t", "1s", "--max-cost", "-3"], {}, "--max-cost -3 is not an amount"),
    ],
)
def test_a_run_that_may_not_start_says_why(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], sentence: str
) -> None:
    done = on_aws(tmp_path, "Steady", *arguments, **variables)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list((tmp_path / "runs").glob("*")) == []
