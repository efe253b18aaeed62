"""The changes that the harness makes to moto in its process."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: moto's state is the process's, and other tests' too.
_CALLS = """
from moto.iam.models import iam_backends
from harness.backend.client import Backend
from harness.core.clock import WallClock
from harness.backend.moto import EmbeddedMoto

moto = EmbeddedMoto(WallClock())
backend = Backend(moto)

def policies(region):
    pages = backend.client("iam", region).get_paginator("list_policies").paginate(Scope="AWS")
    return {policy["Arn"] for page in pages for policy in page["Policies"]}

assert "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess" in policies("us-east-1")
iam = backend.client("iam")
iam.create_user(UserName="alice")
key = iam.create_access_key(UserName="alice")["AccessKey"]
alice = backend.connect("sts", key["AccessKeyId"], key["SecretAccessKey"]).get_caller_identity()
assert alice["Arn"].endswith(":user/alice"), alice
account = alice["Account"]
assert list(iam_backends) == [account]
assert list(iam_backends[account]) == ["aws"], "of the partitions that somebody called"
assert "arn:aws-cn:iam::aws:policy/AmazonSageMakerFullAccess" in policies("cn-north-1")
"""


def test_a_partitions_managed_policies_are_read_when_somebody_calls_it() -> None:
    subprocess.run([sys.executable, "-c", _CALLS], check=True)
