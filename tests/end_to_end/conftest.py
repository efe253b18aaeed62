"""Deploys the shipped stack on a local AWS of the test session, or takes the one that AWS_ENDPOINT_URL names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.local_aws import daemon
from harness.local_aws.options import LocalAwsOptions
from harness.local_aws.session import administrator_session
from harness.stack.deployment import StackDeployment
from harness.stack.file import load_stack
from tests.end_to_end.deployed import STACK, DeployedStack

# Read before tests/conftest.py takes it out of the environment.
GIVEN_URL = os.environ.get("AWS_ENDPOINT_URL")


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeployedStack]:
    stack = load_stack(STACK)
    if GIVEN_URL:
        yield DeployedStack(GIVEN_URL.rstrip("/"), stack)
        return
    state: Path = tmp_path_factory.mktemp("aws") / "state"
    with daemon.TemporaryLocalAws(state, LocalAwsOptions(region=stack.region)) as running:
        StackDeployment(stack, administrator_session(), running.url, lambda step: None).run()
        yield DeployedStack(running.url, stack)
