"""Fixtures that several parts share: a local AWS of each worker's own, and boto3 clients of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.support import Aws, running_aws

# How long an example takes is the machine's business.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")


@pytest.fixture(scope="session", autouse=True)
def _no_foreign_aws() -> Iterator[None]:
    """No test reads the AWS configuration of whoever runs it."""
    patch = pytest.MonkeyPatch()
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        patch.delenv(name, raising=False)
    patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # moto keeps one account per process: whichever test brings it up first, it is a whole one.
    patch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def aws() -> Iterator[Aws]:
    """A local AWS on a free port, shared by a worker's tests: each uses names of its own."""
    with running_aws() as one:
        yield one
