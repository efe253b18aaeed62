"""A disk that fills up under a running local AWS: what is in service goes on, what is new is refused in AWS's shape,
and all is well again once there is room.

The disk is a small file system in a mount namespace of the local AWS's own, which needs no rights.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unmeasured

ROOT = Path(__file__).resolve().parents[2]
# Runs inside the namespace, so that everything it starts lives on the small disk.
SCENARIO = """
import os, shutil, sys, tempfile
from pathlib import Path

from botocore.exceptions import ClientError

from harness.local_aws.client import LocalAwsClient
from tests.functions.conftest import zipped
from tests.robustness.small_stack import twin_stack

disk = Path(sys.argv[1])


def refusal(call):
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


with twin_stack(disk / "first") as stack:
    role = f"arn:aws:iam::{stack.aws.account}:role/caller"
    client = stack.aws.client("lambda")

    code = zipped("def handler(event, context): return 'ok'" + chr(10) + "x = '" + "y" * 200_000 + "'")

    def create(name):
        return client.create_function(
            FunctionName=name, Role=role, Handler="app.handler", Runtime="python3.12", Code={"ZipFile": code}
        )

    assert stack.function.invoke().error is None
    with open(disk / "filling", "wb", buffering=0) as filling:
        try:
            while True:
                filling.write(b"x" * 4096)
        except OSError as error:
            print("full:", error.errno)
    print("free:", shutil.disk_usage(disk).free)
    print("warm function:", stack.function.invoke().error)
    print("endpoint:", stack.endpoint.invoke({}).variant)
    print("new function:", refusal(lambda: create("new")))
    print("alive:", LocalAwsClient(stack.aws.url).health()["status"])
    (disk / "filling").unlink()
    print("with room again:", refusal(lambda: create("newer")))
    client.get_waiter("function_active_v2").wait(FunctionName="newer", WaiterConfig={"Delay": 1})
    print("it answers:", client.invoke(FunctionName="newer")["Payload"].read().decode())
    print("traceback in the log:", "Traceback" in stack.log)
print("left:", sorted(path.name for path in disk.iterdir()))
print("state left:", [path.name for path in (disk / "first").iterdir() if path.name.startswith("state")])
"""


@pytest.fixture
def disk(tmp_path: Path) -> str:
    mount = f"mount -t tmpfs -o size=24m tmpfs {tmp_path}"
    if subprocess.run(["unshare", "-rm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not allow a small file system to be mounted")
    return mount


def test_what_is_in_service_goes_on_and_what_is_new_is_refused(tmp_path: Path, disk: str) -> None:
    script = f'{disk}; exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", script, "sh", sys.executable, "-c", SCENARIO, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    printed = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert printed["full"] == "28"  # ENOSPC
    assert printed["free"] == "0"
    assert printed["warm function"] == "None"
    assert printed["endpoint"] == "AllTraffic"
    assert printed["new function"] == "('ServiceException', 500)"
    assert printed["alive"] == "ok"
    assert printed["with room again"] == "None"
    assert printed["it answers"] == '"ok"'
    assert printed["traceback in the log"] == "False"
    assert printed["left"] == "['first']"
    assert printed["state left"] == "[]"
