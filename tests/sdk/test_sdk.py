"""The SageMaker Python SDK, unmodified, in environments of its own: ``make test-sdk`` builds them once and runs this.

Not part of ``make test``: the second SDK brings 300 MB, the third 1 GB, and the second polls every 30 s.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from harness.hosting.instances.settings import LocalSettings
from tests.hosting.models import ECHO, model_tar
from tests.support import Aws, unique

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parents[1] / ".sdk"


@pytest.mark.parametrize(("major", "instances"), [("2", 2), ("3", 1)])
def test_deploys_predicts_and_deletes(aws: Aws, tmp_path: Path, major: str, instances: int) -> None:
    aws.local.hosting.state.default = LocalSettings(server="asgi")
    role, bucket = aws.role(service="sagemaker.amazonaws.com"), unique("sdk")
    aws.client("s3").create_bucket(Bucket=bucket)
    for key, code in {"model.tar.gz": None, "with_code.tar.gz": ECHO}.items():
        aws.client("s3").put_object(Bucket=bucket, Key=key, Body=model_tar(code))
    (tmp_path / "inference.py").write_text(ECHO)
    script = subprocess.run(
        [
            str(ENVIRONMENTS / f"v{major}" / "bin" / "python"),
            str(HERE / f"with_v{major}.py"),
            role,
            bucket,
            str(tmp_path),
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "AWS_ENDPOINT_URL": aws.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        },
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert script.returncode == 0, script.stderr[-3000:]
    found = json.loads(next(line for line in script.stdout.splitlines() if '"sdk"' in line).lstrip("!-"))
    assert found["sdk"].startswith(f"{major}.")
    assert found["answers"][0] == {"breed": "Carolina"}
    assert found["instances"] == instances
    assert not aws.client("sagemaker").list_models(NameContains=bucket)["Models"]
